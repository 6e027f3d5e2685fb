import { customResourceDefinitions, packs } from "@podwright/client";
import { startCluster } from "@podwright/cluster";
import type { JsonObject, KubeObject } from "@podwright/kube";
import { expect, test } from "vitest";
import type { AdmissionRequest } from "../../webhook/server.ts";
import type { ChartSource, ResolvedChart } from "../charts/chart-source.ts";
import { packCrds } from "../crd.ts";
import { createPackValidator } from "./validation.ts";

const chart: ResolvedChart = {
  name: "app",
  version: "1.0.0",
  digest: "d",
  path: "",
  defaultValues: { image: { name: "nginx" }, replicas: 1 },
  valuesSchema: {
    type: "object",
    properties: {
      replicas: { type: "integer", minimum: 0 },
      image: { type: "object", required: ["name"], properties: { name: { type: "string" } } },
      kind: { enum: ["a", "b"] },
    },
    additionalProperties: false,
  },
  repository: { kind: "ClusterPackRepository", name: "r", url: "" },
};
const charts: ChartSource = {
  resolve: async () => chart,
  cached: async () => chart,
  repositoryOf: () => undefined,
  onChange: () => () => {},
};
const validate = createPackValidator(charts);

const object = (kind: string, spec: JsonObject, metadata: object = {}): KubeObject => ({
  apiVersion: "k8s.kubit.ir/v1alpha1",
  kind,
  metadata: { name: "x", ...(kind.startsWith("Cluster") ? {} : { namespace: "default" }), ...metadata },
  spec,
});
const pack = (spec: JsonObject = {}, metadata: object = {}) =>
  object("Pack", { chart: { name: "app", version: "~=1.0" }, ...spec }, metadata);
const review = (reviewed: KubeObject, more: object = {}): AdmissionRequest => ({
  uid: "u",
  operation: "CREATE",
  object: reviewed,
  ...more,
});

test.each<[string, KubeObject]>([
  ["unknown field", pack({ valuez: {} })],
  ["spec.chart.repo: unknown field", pack({ chart: { name: "app", repo: "x" } })],
  ["spec.valuesFrom[0].nmae: unknown field", pack({ valuesFrom: [{ kind: "Secret", name: "a", nmae: "b" }] })],
  ['spec.chart.version: "latest" is neither', pack({ chart: { name: "app", version: "latest" } })],
  ['spec.chart.version: no version can be in ">=2,<1"', pack({ chart: { name: "app", version: ">=2,<1" } })],
  ['spec.interval: "10 minutes" is no duration', pack({ interval: "10 minutes" })],
  ['spec.timeout: "0s" is no duration', pack({ timeout: "0s" })],
  ["spec.values.a.b[0]: unknown name vars.X", pack({ values: { a: { b: ["{{ vars.X }}"] } } })],
  ["spec.values.a: {{ without }}", pack({ values: { a: "{{ vars" } })],
  ["spec.valuesFrom[0]: targetPath", pack({ valuesFrom: [{ kind: "Secret", name: "a", targetPath: "a..b" }] })],
  ["spec.postRender[0].patch: it is no YAML", pack({ postRender: [{ patch: "a: [" }] })],
  ["spec.postRender[0].patch: it is neither an object nor a list", pack({ postRender: [{ patch: "text" }] })],
  ["spec.postRender[0].patch: it needs a target", pack({ postRender: [{ patch: "kind: Pod" }] })],
  [
    'spec.postRender[0].patch[1]: op: "put" is none of add',
    pack({ postRender: [{ patch: '[{"op": "remove", "path": "/a"}, {"op": "put", "path": "/a"}]', target: {} }] }),
  ],
  [
    'spec.postRender[0].patch[0]: path: "a" is no JSON pointer',
    pack({ postRender: [{ patch: "- {op: add, path: a, value: 1}", target: {} }] }),
  ],
  [
    "spec.postRender[0].target.labelSelector",
    pack({ postRender: [{ patch: "{}", target: { labelSelector: "a in b" } }] }),
  ],
  ["a Pack cannot depend on itself", pack({ dependsOn: [{ name: "x" }] })],
  ["spec.releaseName", pack({ releaseName: "Not_Valid" })],
  ["is no JSON pointer", pack({ driftDetection: { ignore: [{ paths: ["spec.replicas"] }] } })],
  [
    "the PackRepository of another namespace",
    pack({ chart: { name: "app", repository: { kind: "PackRepository", name: "r", namespace: "other" } } }),
  ],
  ["deployment/x", pack({}, { annotations: { "pack-operator.k8s.kubit.ir/watch-to-redeploy": "deployment/x" } })],
  ["spec.values.replicas: must be >= 0", pack({ values: { replicas: -1 } })],
  ["spec.values.replicas: must be integer", pack({ values: { replicas: "{{ vars.N }}" }, vars: { N: "two" } })],
  ["spec.values.unknown: is not known to the chart", pack({ values: { unknown: 1 } })],
  ["spec.values.kind: must be one of a, b", pack({ values: { kind: "c" } })],
  ["required property 'name'", pack({ values: { image: { name: null } } })],
  ["spec.url: has the protocol ftp://", object("PackRepository", { url: "ftp://x" })],
  ["spec.url: holds credentials", object("PackRepository", { url: "https://me:pw@x" })],
  ["spec.interval", object("PackRepository", { url: "https://x", interval: "soon" })],
  ["spec.user: unknown field", object("ClusterPackRepository", { url: "https://x", user: "me" })],
  [
    "spec.secretRef.namespace: is needed",
    object("ClusterPackRepository", { url: "https://x", secretRef: { name: "s" } }),
  ],
  [
    "the Secret of another namespace",
    object("PackRepository", { url: "https://x", secretRef: { name: "s", namespace: "kube-system" } }),
  ],
])("refused: %s", async (message, reviewed) => {
  const answer = await validate(review(reviewed));
  expect(answer.allowed).toBe(false);
  expect(answer.status?.message).toContain(message);
  expect(answer.status?.message).not.toContain("pw@");
});

test.each<[string, KubeObject]>([
  ["the least", pack()],
  ["templates of the right type", pack({ values: { replicas: "{{ vars.N }}" }, vars: { N: 2 } })],
  [
    "values that a source may complete",
    pack({ values: { replicas: -1 }, valuesFrom: [{ kind: "Secret", name: "s" }] }),
  ],
  [
    "watch-to-redeploy",
    pack({}, { annotations: { "pack-operator.k8s.kubit.ir/watch-to-redeploy": "configmap/a secret/b" } }),
  ],
  [
    "an OCI repository",
    object("ClusterPackRepository", { url: "oci://r/p", secretRef: { name: "s", namespace: "n" } }),
  ],
  ["a folder", object("ClusterPackRepository", { url: "file:///charts" })],
])("allowed: %s", async (_name, reviewed) => {
  expect(await validate(review(reviewed))).toEqual({ allowed: true });
});

test("an object that is being deleted, or whose spec stays as it was, is let through", async () => {
  const wrong = pack({ interval: "soon" });
  expect((await validate(review(wrong, { operation: "UPDATE", oldObject: wrong }))).allowed).toBe(true);
  const deleted = pack({ interval: "soon" }, { deletionTimestamp: "2024-01-01T00:00:00Z" });
  expect((await validate(review(deleted, { operation: "UPDATE", oldObject: pack() }))).allowed).toBe(true);
});

test("the definitions are accepted, fill in defaults, and leave unknown fields for the webhook to see", async () => {
  const cluster = await startCluster({ nodes: 0 });
  try {
    for (const crd of packCrds()) await cluster.client.resource(customResourceDefinitions).create(crd);
    const created = await cluster.client
      .resource(packs)
      .create(pack({ valuez: 1, install: { whait: true }, chart: { name: "app", repository: { name: "r" } } }));
    expect(created["spec"]).toMatchObject({
      valuez: 1,
      interval: "10m",
      timeout: "5m",
      approval: "auto",
      maxHistory: 10,
      install: { whait: true, wait: true, crds: "Create" },
      chart: { repository: { kind: "ClusterPackRepository" } },
    });
    await expect(cluster.client.resource(packs).create(pack({ approval: "maybe" }, { name: "y" }))).rejects.toThrow(
      'Unsupported value: "maybe"',
    );
  } finally {
    await cluster.stop();
  }
});
