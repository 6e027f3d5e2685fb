import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { pods } from "@podwright/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import { run } from "../kubectl.ts";
import { type Lane, laneHelm, openLane } from "../lane.ts";

const chart = fileURLToPath(new URL("../../charts/genpack", import.meta.url));
const allValues = fileURLToPath(new URL("genpack/all.yaml", import.meta.url));

let lane: Lane;
let helm: string;
beforeAll(async () => {
  lane = await openLane({ operator: false });
  helm = await laneHelm();
});
afterAll(() => lane?.close());

const template = (namespace: string, ...args: string[]) =>
  run(helm, ["template", "rel", chart, "--namespace", namespace, ...args]);

test("the chart is in order", async () => {
  expect(await run(helm, ["lint", "--strict", chart, "-f", allValues])).toMatchObject({ code: 0 });
});

test("every kind of workload and all that belongs to it is accepted by the API server, strictly", async () => {
  const namespace = await lane.namespace("genpack");
  const { stdout: manifests } = await template(namespace, "-f", allValues);
  const applied = await lane.kubectl(["apply", "-n", namespace, "--validate=strict", "-f", "-"], manifests);
  expect(applied).toMatchObject({ code: 0, stderr: "" });
  expect(applied.stdout.trim().split("\n").sort()).toEqual(
    [
      "configmap/raw",
      "configmap/rel-common",
      "configmap/rel-pages",
      "cronjob.batch/rel-nightly",
      "daemonset.apps/rel-agent",
      "deployment.apps/rel-one",
      "deployment.apps/rel-web",
      "horizontalpodautoscaler.autoscaling/rel-web",
      "ingress.networking.k8s.io/rel-main",
      "persistentvolumeclaim/rel-data",
      "poddisruptionbudget.policy/rel-web",
      "secret/rel-creds",
      "service/rel-db",
      "service/rel-mail",
      "service/rel-web",
      "statefulset.apps/rel-db",
    ].map((object) => `${object} created`),
  );
  const pod = await vi.waitFor(
    async () => {
      const { items } = await lane.client
        .resource(pods)
        .list({ namespace, labelSelector: "app.kubernetes.io/name=web,tier=front" });
      expect(items).toHaveLength(1);
      return items[0];
    },
    { timeout: 20_000, interval: 50 },
  );
  expect(pod?.["spec"].containers[0]).toMatchObject({
    name: "web",
    image: "docker.io/nginx:1.27",
    command: ["nginx"],
    envFrom: [{ configMapRef: { name: "rel-common" } }, { secretRef: { name: "rel-creds" } }],
  });
});

test("the text's sample: the annotation stands on the Deployment of web alone", async () => {
  const sample = await readFile(new URL("../../examples/packs/test.yaml", import.meta.url), "utf8");
  const pack = parseAllDocuments(sample)
    .map((document) => document.toJS())
    .find(({ kind }) => kind === "Pack");
  const { stdout } = await run(helm, ["template", "test", chart, "-f", "-"], JSON.stringify(pack.spec.values));
  const workloads = parseAllDocuments(stdout).map((document) => document.toJS());
  expect(workloads.map(({ metadata, spec }) => [metadata.name, metadata.annotations, spec.replicas])).toEqual([
    ["test-web", { "pack-operator.k8s.kubit.ir/watch-to-redeploy": "configmap/test-cm-1" }, 1],
    ["test-worker", undefined, 2],
  ]);
});

test.each([
  ["gonbad.workloads.web.kind=pod", "kind"],
  ["gonbad.workloads.web.replicas=2", "replicas"],
  ["gonbad.workloads.web.kind=cronjob", "schedule"],
  ["gonbad.workloads.web.containers.web.image.tag=1", "repository"],
])("values with %s are refused by the chart's schema", async (value, named) => {
  const { code, stderr } = await template("default", "--set", value);
  expect(code).not.toBe(0);
  expect(stderr).toContain(named);
});
