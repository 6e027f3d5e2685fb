import {
  configMaps,
  daemonSets,
  deployments,
  events,
  type ResourceRef,
  secrets,
  statefulSets,
  validatingWebhookConfigurations,
} from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { type Operator, startOperator } from "@podwright/operator";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";

const watchKey = "pack-operator.k8s.kubit.ir/watch-to-redeploy";
const stateKey = "podwright.dev/redeploy-state";
const restartedAtKey = "kubectl.kubernetes.io/restartedAt";
const wait = { timeout: 20_000, interval: 20 };

let lane: Lane;
let operator: Operator;
const start = () =>
  startOperator({ client: lane.client, without: ["nanopod", "pack", "reflector"], onError: console.error });
beforeAll(async () => {
  lane = await openLane({ operator: false });
  operator = await start();
});
afterAll(async () => {
  await operator?.stop();
  await lane?.close();
});

const workload = (
  ref: ResourceRef,
  namespace: string,
  annotations: Record<string, string>,
  spec: object = {},
): KubeObject => ({
  apiVersion: "apps/v1",
  kind: ref.kind,
  metadata: { name: "web", namespace, annotations: { "podwright.dev/redeploy-after": "0s", ...annotations } },
  spec: {
    ...(ref === daemonSets ? {} : { replicas: 1 }),
    ...(ref === statefulSets ? { serviceName: "web" } : {}),
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "c", image: "i:1" }], ...spec },
    },
  },
});
const configMap = (namespace: string, data: Record<string, string>, name = "cm"): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
});
const create = (ref: ResourceRef, object: KubeObject) => lane.client.resource(ref).create(object);
const set = (namespace: string, data: Record<string, string>, name = "cm") =>
  lane.client.resource(configMaps).patch(name, namespace, { data }, { type: "merge" });
const get = (namespace: string, ref = deployments) => lane.client.resource(ref).get("web", namespace);

/** What the workload has seen. */
async function seen(namespace: string, ref = deployments): Promise<Record<string, string>> {
  const { metadata } = await get(namespace, ref);
  return JSON.parse(metadata.annotations?.[stateKey] ?? '{"seen":{}}').seen;
}
const restartedAt = async (namespace: string, ref = deployments): Promise<string | undefined> =>
  (await get(namespace, ref))["spec"].template.metadata.annotations?.[restartedAtKey];
const seenOf = (namespace: string, reference: string, ref = deployments): Promise<string> =>
  vi.waitFor(async () => {
    const hash = (await seen(namespace, ref))[reference];
    expect(hash).toBeDefined();
    return hash as string;
  }, wait);
const seenOther = (namespace: string, reference: string, before: string, ref = deployments) =>
  vi.waitFor(async () => expect((await seen(namespace, ref))[reference]).not.toBe(before), wait);

test.each([deployments, statefulSets, daemonSets])("a change restarts a $kind, and an event tells why", async (ref) => {
  const namespace = await lane.namespace("redeploy");
  await create(configMaps, configMap(namespace, { var1: "tt", var2: "xx" }));
  await create(ref, workload(ref, namespace, { [watchKey]: "configmap/cm" }));
  const before = await seenOf(namespace, "configmap/cm", ref);
  expect(await restartedAt(namespace, ref)).toBeUndefined();

  await set(namespace, { var1: "other" });
  await vi.waitFor(async () => expect(await restartedAt(namespace, ref)).toBeDefined(), wait);
  // In one patch: where the restart is, the hash is as well.
  expect((await seen(namespace, ref))["configmap/cm"]).not.toBe(before);
  await vi.waitFor(async () => {
    const { items } = await lane.client.resource(events).list({ namespace, fieldSelector: "reason=Redeployed" });
    expect(items.map(({ message, involvedObject }) => ({ message, kind: involvedObject.kind }))).toEqual([
      { message: "Restarted: configmap/cm (var1) changed", kind: ref.kind },
    ]);
  }, wait);
});

test("what is no change of content restarts nothing: labels, the same data again, a new start of the operator", async () => {
  const namespace = await lane.namespace("same");
  await create(configMaps, configMap(namespace, { a: "1" }));
  await create(configMaps, configMap(namespace, { a: "1" }, "last"));
  await create(statefulSets, workload(statefulSets, namespace, { [watchKey]: "configmap/cm configmap/last" }));
  await seenOf(namespace, "configmap/cm", statefulSets);
  const before = await seen(namespace, statefulSets);

  const resource = lane.client.resource(configMaps);
  await resource.patch("cm", namespace, { metadata: { labels: { x: "y" } } }, { type: "merge" });
  await resource.delete("cm", namespace);
  await create(configMaps, configMap(namespace, { a: "1" }));
  await operator.stop();
  operator = await start();
  // Changes come in order: when the last one is done, those before it are.
  await set(namespace, { a: "2" }, "last");
  await seenOther(namespace, "configmap/last", before["configmap/last"] as string, statefulSets);
  expect((await seen(namespace, statefulSets))["configmap/cm"]).toBe(before["configmap/cm"]);
  expect((await get(namespace, statefulSets)).metadata.generation).toBe(2);
});

test("a change made while no operator runs is not missed", async () => {
  const namespace = await lane.namespace("away");
  await create(configMaps, configMap(namespace, { a: "1" }));
  await create(deployments, workload(deployments, namespace, { [watchKey]: "configmap/cm" }));
  await seenOf(namespace, "configmap/cm");
  await operator.stop();
  await set(namespace, { a: "2" });
  operator = await start();
  await vi.waitFor(async () => expect(await restartedAt(namespace)).toBeDefined(), wait);
});

test("with a key only that key counts", async () => {
  const namespace = await lane.namespace("key");
  await create(configMaps, configMap(namespace, { level: "info", other: "1" }));
  await create(deployments, workload(deployments, namespace, { [watchKey]: "configmap/cm#level,configmap/cm#other" }));
  const before = await seenOf(namespace, "configmap/cm#level");
  const otherBefore = await seenOf(namespace, "configmap/cm#other");
  await set(namespace, { other: "2", more: "3" });
  await seenOther(namespace, "configmap/cm#other", otherBefore);
  expect((await seen(namespace))["configmap/cm#level"]).toBe(before);
});

test("what appears later counts from then on", async () => {
  const namespace = await lane.namespace("later");
  await create(deployments, workload(deployments, namespace, { [watchKey]: "secret/s" }));
  await create(secrets, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s", namespace },
    stringData: { a: "1" },
  });
  const before = await seenOf(namespace, "secret/s");
  expect(await restartedAt(namespace)).toBeUndefined();
  await lane.client.resource(secrets).patch("s", namespace, { stringData: { a: "2" } }, { type: "merge" });
  await seenOther(namespace, "secret/s", before);
  expect(await restartedAt(namespace)).toBeDefined();
});

test("auto finds what the pod template refers to", async () => {
  const namespace = await lane.namespace("auto");
  await create(configMaps, configMap(namespace, { level: "1", other: "1" }));
  const env = [{ name: "A", valueFrom: { configMapKeyRef: { name: "cm", key: "level" } } }];
  const spec = {
    initContainers: [{ name: "i", image: "i:1", envFrom: [{ configMapRef: { name: "init", optional: true } }] }],
    containers: [{ name: "c", image: "i:1", env }],
  };
  await create(configMaps, configMap(namespace, { a: "1" }, "init"));
  await create(deployments, workload(deployments, namespace, { "podwright.dev/watch-to-redeploy": "auto" }, spec));
  const before = await seenOf(namespace, "configmap/cm#level");
  expect(Object.keys(await seen(namespace))).toEqual(["configmap/cm#level", "configmap/init"]);
  await set(namespace, { level: "2" });
  await seenOther(namespace, "configmap/cm#level", before);
  expect(await restartedAt(namespace)).toBeDefined();
});

test("a burst is one restart", async () => {
  const namespace = await lane.namespace("burst");
  await create(configMaps, configMap(namespace, { a: "0" }));
  const annotations = { [watchKey]: "configmap/cm", "podwright.dev/redeploy-after": "1s" };
  await create(statefulSets, workload(statefulSets, namespace, annotations));
  await seenOf(namespace, "configmap/cm", statefulSets);
  for (let i = 1; i <= 10; i++) await set(namespace, { a: String(i) });
  await vi.waitFor(async () => expect(await restartedAt(namespace, statefulSets)).toBeDefined(), wait);
  expect((await get(namespace, statefulSets)).metadata.generation).toBe(2);
});

test("two restarts keep the least time between them", async () => {
  const namespace = await lane.namespace("interval");
  await create(configMaps, configMap(namespace, { a: "0" }));
  const annotations = { [watchKey]: "configmap/cm", "podwright.dev/redeploy-min-interval": "2s" };
  await create(deployments, workload(deployments, namespace, annotations));
  await seenOf(namespace, "configmap/cm");
  await set(namespace, { a: "1" });
  const first = await vi.waitFor(async () => {
    const at = await restartedAt(namespace);
    expect(at).toBeDefined();
    return at as string;
  }, wait);
  await set(namespace, { a: "2" });
  const second = await vi.waitFor(async () => {
    const at = (await restartedAt(namespace)) as string;
    expect(at).not.toBe(first);
    return at;
  }, wait);
  expect(Date.parse(second) - Date.parse(first)).toBeGreaterThanOrEqual(2000);
});

test("kubectl apply of the same manifest keeps the restart and the hash", async () => {
  const namespace = await lane.namespace("apply");
  await create(configMaps, configMap(namespace, { a: "0" }));
  const manifest = JSON.stringify(workload(deployments, namespace, { [watchKey]: "configmap/cm" }));
  const apply = async () => expect(await lane.kubectl(["apply", "-f", "-"], manifest)).toMatchObject({ code: 0 });
  await apply();
  const before = await seenOf(namespace, "configmap/cm");
  await set(namespace, { a: "1" });
  await seenOther(namespace, "configmap/cm", before);
  const { generation, annotations } = (await get(namespace)).metadata;
  const at = await restartedAt(namespace);
  await apply();
  const applied = await get(namespace);
  expect(applied.metadata.generation).toBe(generation);
  expect(applied.metadata.annotations?.[stateKey]).toBe(annotations?.[stateKey]);
  expect(await restartedAt(namespace)).toBe(at);
});

test("wrong syntax is refused, and the segment is named", async () => {
  const namespace = await lane.namespace("wrong");
  const manifest = JSON.stringify(workload(deployments, namespace, { [watchKey]: "configmap/a, pod/b" }));
  const ran = await lane.kubectl(["create", "-f", "-"], manifest);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain(
    `metadata.annotations[${watchKey}]: "pod/b": unknown resource "pod": must be configmap or secret`,
  );
  expect((await lane.kubectl(["get", "deployments", "-n", namespace, "-o", "name"])).stdout).toBe("");
});

test("who no longer asks is cleaned", async () => {
  const namespace = await lane.namespace("ends");
  await create(configMaps, configMap(namespace, { a: "0" }));
  await create(deployments, workload(deployments, namespace, { [watchKey]: "configmap/cm" }));
  await seenOf(namespace, "configmap/cm");
  const patch = { metadata: { annotations: { [watchKey]: null } } };
  await lane.client.resource(deployments).patch("web", namespace, patch, { type: "merge" });
  await vi.waitFor(async () => expect((await get(namespace)).metadata.annotations?.[stateKey]).toBeUndefined(), wait);
});

test("a restart that is refused is tried again until it is let through", async () => {
  const namespace = await lane.namespace("refused");
  await create(configMaps, configMap(namespace, { a: "0" }));
  await create(deployments, workload(deployments, namespace, { [watchKey]: "configmap/cm" }));
  const before = await seenOf(namespace, "configmap/cm");
  // Nobody answers there: no change of a Deployment of this namespace gets through.
  const refusing: KubeObject = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: `refusing-${namespace}` },
    webhooks: [
      {
        name: "refusing.example.com",
        clientConfig: { url: "https://127.0.0.1:1/" },
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        rules: [{ apiGroups: ["apps"], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["deployments"] }],
        failurePolicy: "Fail",
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        timeoutSeconds: 1,
      },
    ],
  };
  await create(validatingWebhookConfigurations, refusing);
  const { generation = 0 } = (await get(namespace)).metadata;
  try {
    const touch = { metadata: { annotations: { touched: "x" } } };
    await vi.waitFor(
      () =>
        expect(
          lane.client.resource(deployments).patch("web", namespace, touch, { type: "merge" }),
        ).rejects.toMatchObject({ code: 500 }),
      wait,
    );
    await set(namespace, { a: "1" });
    await vi.waitFor(async () => {
      const { items } = await lane.client.resource(events).list({ namespace, fieldSelector: "reason=RedeployFailed" });
      expect(items[0]?.["message"]).toMatch(
        /^Could not restart after a change of configmap\/cm: .*refusing.example.com/,
      );
    }, wait);
    expect((await get(namespace)).metadata.generation).toBe(generation);
  } finally {
    await lane.client.resource(validatingWebhookConfigurations).delete(`refusing-${namespace}`);
  }
  await seenOther(namespace, "configmap/cm", before);
  expect(await restartedAt(namespace)).toBeDefined();
  expect((await get(namespace)).metadata.generation).toBe(generation + 1);
});
