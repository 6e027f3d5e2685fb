import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { clusterPackRepositories, packs } from "@podwright/client";
import type { JsonObject, KubeObject } from "@podwright/kube";
import { expect, vi } from "vitest";
import { run } from "../kubectl.ts";
import { type Lane, laneHelm } from "../lane.ts";

/** Packs on a lane, with a repository of charts in a folder. */
export interface PackLane {
  /** The ClusterPackRepository. */
  repository: string;
  /** Writes (or writes anew) a chart: its templates by file name; others by their path, as "../crds/a.yaml". */
  chart(name: string, version: string, templates: Record<string, string>, values?: string): Promise<void>;
  /** What `spec.chart` is for a chart of this lane. */
  chartOf(name: string, version?: string): JsonObject;
  create(namespace: string, name: string, spec: JsonObject): Promise<void>;
  merge(namespace: string, name: string, patch: object): Promise<void>;
  get(namespace: string, name: string): Promise<KubeObject>;
  /** Waits for what the status must be. */
  until(namespace: string, name: string, expected: (status: KubeObject) => void): Promise<KubeObject>;
  /** Waits for a condition's status; gives its message. */
  condition(namespace: string, name: string, type: string, status: string, reason?: string): Promise<string>;
  helm(namespace: string, ...args: string[]): Promise<string>;
  history(namespace: string, release: string): Promise<[number, string][]>;
  close(): Promise<void>;
}

export async function openPackLane(lane: Pick<Lane, "client" | "kubeconfig">): Promise<PackLane> {
  const helm = await laneHelm();
  const folder = await mkdtemp(join(tmpdir(), "podwright-packs-"));
  const repository = `charts-${process.pid}-${Date.now()}`;
  await lane.client.resource(clusterPackRepositories).create({
    apiVersion: "k8s.kubit.ir/v1alpha1",
    kind: "ClusterPackRepository",
    metadata: { name: repository },
    spec: { url: `file://${folder}`, interval: "1s" },
  });
  const resource = lane.client.resource(packs);
  const ran = async (namespace: string, args: string[]) => {
    const result = await run(helm, [...args, "--kubeconfig", lane.kubeconfig, "-n", namespace]);
    expect(result, `helm ${args.join(" ")}`).toEqual({ ...result, code: 0 });
    return result.stdout;
  };
  const conditionOf = (object: KubeObject, type: string) =>
    (object["status"]?.conditions ?? []).find((each: { type: string }) => each.type === type);
  const until: PackLane["until"] = (namespace, name, expected) =>
    vi.waitFor(
      async () => {
        const pack = await resource.get(name, namespace);
        expected(pack);
        return pack;
      },
      { timeout: 20_000, interval: 100 },
    );
  return {
    repository,
    async chart(name, version, templates, values = "") {
      const at = join(folder, `${name}-${version}`);
      await mkdir(join(at, "templates"), { recursive: true });
      for (const [file, text] of Object.entries(templates)) {
        const path = join(at, "templates", file);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, text);
      }
      await writeFile(join(at, "values.yaml"), values);
      await writeFile(join(at, "Chart.yaml"), `apiVersion: v2\nname: ${name}\nversion: ${version}\nappVersion: "1"\n`);
    },
    chartOf: (name, version = "0.1.0") => ({
      name,
      version,
      repository: { kind: "ClusterPackRepository", name: repository },
    }),
    async create(namespace, name, spec) {
      await resource.create({ apiVersion: "k8s.kubit.ir/v1alpha1", kind: "Pack", metadata: { name, namespace }, spec });
    },
    async merge(namespace, name, patch) {
      await resource.patch(name, namespace, patch, { type: "merge" });
    },
    get: (namespace, name) => resource.get(name, namespace),
    until,
    async condition(namespace, name, type, status, reason) {
      const pack = await until(namespace, name, (object) => {
        const condition = conditionOf(object, type);
        expect(`${condition?.status} ${condition?.message}`).toMatch(new RegExp(`^${status} `));
        expect(object["status"].observedGeneration).toBe(object.metadata.generation);
        if (reason !== undefined) expect(condition?.reason).toBe(reason);
      });
      return conditionOf(pack, type).message;
    },
    helm: (namespace, ...args) => ran(namespace, args),
    async history(namespace, release) {
      const parsed = JSON.parse(await ran(namespace, ["history", release, "-o", "json"]));
      return parsed.map(({ revision, status }: { revision: number; status: string }) => [revision, status]);
    },
    async close() {
      // While there is an operator: its finalizer would keep their namespaces.
      const mine = async () =>
        (await resource.list()).items.filter((pack) => pack["spec"].chart.repository?.name === repository);
      for (const { metadata } of await mine()) {
        await resource.delete(metadata.name as string, metadata.namespace).catch(() => {});
      }
      await vi.waitFor(async () => expect(await mine()).toEqual([]), { timeout: 30_000, interval: 100 });
      await lane.client.resource(clusterPackRepositories).delete(repository);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
