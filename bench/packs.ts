// Packs of a small chart: how many are installed in a second, and what a pass over many unchanged ones takes. Prints JSON.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Client, clusterPackRepositories, namespaces, packs, secrets } from "@podwright/client";
import type { JsonObject, KubeObject } from "@podwright/kube";
import { findTool } from "podwright";
import { forEach, openTarget } from "./operator-target.ts";

const without = ["nanopod", "reflector", "redeploy"] as const;
const apiVersion = "k8s.kubit.ir/v1alpha1";
const namespace = "packs";
const repository = "bench";
const installed = 200;
const unchanged = 1_000;
/** It comes last, and is changed: when it has been seen to, the others have been. */
const last = "zz-last";

const templates = {
  "config.yaml":
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{ .Release.Name }}"}\ndata: {a: "{{ .Values.a }}"}\n',
  "account.yaml": 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: "{{ .Release.Name }}"}\n',
  "service.yaml":
    'apiVersion: v1\nkind: Service\nmetadata: {name: "{{ .Release.Name }}"}\nspec: {selector: {app: x}, ports: [{port: 80}]}\n',
};

const target = await openTarget();
const folder = await mkdtemp(join(tmpdir(), "podwright-bench-packs-"));
try {
  const { client } = target;
  await writeChart(join(folder, "charts", "small"));
  let operator = await target.operator(without);
  await client.resource(namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await client.resource(clusterPackRepositories).create({
    apiVersion,
    kind: "ClusterPackRepository",
    metadata: { name: repository },
    spec: { url: `file://${join(folder, "charts")}` },
  });
  const result: Record<string, unknown> = { lane: target.lane };
  result["install"] = await measureInstalls(client);
  result["operator_resident_mb"] = await operator.residentMb();
  await adoptMore(client, installed, unchanged);
  await operator.stop();

  // A helm that counts: there must be none at work.
  const count = join(folder, "count");
  const helm = join(folder, "helm.sh");
  await writeFile(helm, `#!/bin/sh\necho run >> '${count}'\nexec '${await findTool("helm")}' "$@"\n`, { mode: 0o755 });
  const before = await versions(client);
  const suspended = await suspendLast(client, true);
  operator = await target.operator(without, { HELM: helm });
  const ready = performance.now();
  await isSeen(client, suspended);
  const after_start_ms = Math.round(performance.now() - ready);
  const again = performance.now();
  await client
    .resource(clusterPackRepositories)
    .patch(repository, undefined, { metadata: { annotations: { look: "again" } } }, { type: "merge" });
  await isSeen(client, await suspendLast(client, false));
  const by_repository_ms = Math.round(performance.now() - again);
  const after = await versions(client);
  const written = [...after].filter(([name, version]) => name !== last && before.get(name) !== version).length;
  const runs = (await readFile(count, "utf8").catch(() => "")).split("\n").length - 1;
  result["unchanged"] = { packs: unchanged, after_start_ms, by_repository_ms, written, helm_runs: runs };
  result["operator_resident_1000_mb"] = await operator.residentMb();
  await operator.stop();
  console.log(JSON.stringify(result, null, 2));
} finally {
  await target.stop();
  await rm(folder, { recursive: true, force: true });
}

async function writeChart(at: string): Promise<void> {
  await mkdir(join(at, "templates"), { recursive: true });
  for (const [file, text] of Object.entries(templates)) await writeFile(join(at, "templates", file), text);
  await writeFile(join(at, "values.yaml"), "a: x\n");
  await writeFile(join(at, "Chart.yaml"), "apiVersion: v2\nname: small\nversion: 0.1.0\n");
}

function packOf(name: string): KubeObject {
  const chart = { name: "small", repository: { kind: "ClusterPackRepository", name: repository } };
  return { apiVersion, kind: "Pack", metadata: { name, namespace }, spec: { chart, interval: "1h" } };
}

function nameOf(index: number): string {
  return `pack-${String(index).padStart(5, "0")}`;
}

async function measureInstalls(client: Client) {
  const names = Array.from({ length: installed }, (_, index) => nameOf(index));
  // The chart is read and the first helm has been started before it counts.
  await client.resource(packs).create(packOf(last));
  await areReady(client, [last]);
  const began = performance.now();
  const done = areReady(client, names);
  await forEach(installed, 16, (index) => client.resource(packs).create(packOf(nameOf(index))));
  await done;
  const seconds = (performance.now() - began) / 1000;
  return {
    packs: installed,
    seconds: Math.round(seconds * 10) / 10,
    per_s: Math.round((installed / seconds) * 10) / 10,
  };
}

/** More Packs, of releases that are there already as helm keeps them: they are taken over, which is faster. */
async function adoptMore(client: Client, from: number, to: number): Promise<void> {
  const resource = client.resource(secrets);
  const sample = await resource.get(`sh.helm.release.v1.${nameOf(0)}.v1`, namespace);
  const inner = Buffer.from(sample["data"].release as string, "base64").toString("latin1");
  const text = gunzipSync(Buffer.from(inner, "base64")).toString("utf8");
  const names = Array.from({ length: to - from - 1 }, (_, index) => nameOf(from + index));
  const done = areReady(client, names);
  await forEach(names.length, 16, async (index) => {
    const name = names[index] as string;
    const packed = gzipSync(text.replaceAll(nameOf(0), name)).toString("base64");
    await resource.create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: `sh.helm.release.v1.${name}.v1`,
        namespace,
        labels: { name, owner: "helm", status: "deployed", version: "1" },
      },
      type: "helm.sh/release.v1",
      data: { release: Buffer.from(packed, "latin1").toString("base64") },
    } as KubeObject);
    await client.resource(packs).create(packOf(name));
  });
  await done;
}

async function areReady(client: Client, names: readonly string[]): Promise<void> {
  const waiting = new Set(names);
  for await (const { type, object } of client.resource(packs).watch({ namespace, timeoutSeconds: 600 })) {
    if (type === "BOOKMARK") continue;
    const ready = object["status"]?.conditions?.find((condition: JsonObject) => condition["type"] === "Ready");
    if (ready?.status === "False") throw new Error(`${object.metadata.name}: ${ready.message}`);
    if (ready?.status === "True") waiting.delete(object.metadata.name as string);
    if (waiting.size === 0) return;
  }
  throw new Error(`${waiting.size} Packs were not ready after ten minutes`);
}

/** Gives the generation that is to be seen. */
async function suspendLast(client: Client, suspend: boolean): Promise<number> {
  const { metadata } = await client.resource(packs).patch(last, namespace, { spec: { suspend } }, { type: "merge" });
  return metadata.generation as number;
}

async function isSeen(client: Client, generation: number): Promise<void> {
  const fieldSelector = `metadata.name=${last}`;
  for await (const { object } of client.resource(packs).watch({ namespace, fieldSelector, timeoutSeconds: 60 })) {
    if ((object["status"]?.observedGeneration ?? 0) >= generation) return;
  }
  throw new Error("the pass did not end within a minute");
}

async function versions(client: Client): Promise<Map<string, string>> {
  const { items } = await client.resource(packs).listAll({ namespace });
  return new Map(items.map(({ metadata }) => [metadata.name as string, metadata.resourceVersion as string]));
}
