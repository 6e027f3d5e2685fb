import { configMaps, deployments, events, statefulSets } from "@podwright/client";
import { expect, test, vi } from "vitest";
import { openPackScene } from "./pack-scene.ts";

const workload = (kind: string, more = "") => `apiVersion: apps/v1
kind: ${kind}
metadata: {name: "{{ .Release.Name }}"}
spec:
  ${more}
  selector: {matchLabels: {app: "{{ .Release.Name }}-${kind}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}-${kind}"}}
    spec: {containers: [{name: main, image: "app:1"}]}
`;
const waiting = { timeout: 20_000, interval: 50 };
const watchKey = "pack-operator.k8s.kubit.ir/watch-to-redeploy";

const { lane, on } = await openPackScene();
await on.chart("two", "0.1.0", {
  "deployment.yaml": workload("Deployment"),
  "statefulset.yaml": workload("StatefulSet", "serviceName: x"),
});

test("a Pack that watches a ConfigMap has all workloads of its release restarted, and has not drifted", async () => {
  const namespace = await lane.namespace("pack");
  const settings = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings", namespace } };
  await lane.client.resource(configMaps).create({ ...settings, data: { level: "info" } });
  await on.create(namespace, "site", { chart: on.chartOf("two"), driftDetection: { mode: "warn" } });
  const annotations = { [watchKey]: "configmap/settings#level", "podwright.dev/redeploy-after": "0s" };
  await on.merge(namespace, "site", { metadata: { annotations } });
  await on.condition(namespace, "site", "Drifted", "False", "NoDrift");
  const workloads = () =>
    Promise.all([deployments, statefulSets].map((ref) => lane.client.resource(ref).get("site", namespace)));
  await vi.waitFor(async () => {
    for (const { metadata } of await workloads()) {
      expect(metadata.annotations).toHaveProperty(["podwright.dev/redeploy-state"]);
    }
  }, waiting);

  await lane.client.resource(configMaps).patch("settings", namespace, { data: { level: "debug" } }, { type: "merge" });
  await vi.waitFor(async () => {
    for (const { spec } of await workloads()) {
      expect(spec.template.metadata.annotations).toHaveProperty(["kubectl.kubernetes.io/restartedAt"]);
    }
    const { items } = await lane.client
      .resource(events)
      .list({ namespace, fieldSelector: "reason=Redeployed,involvedObject.kind=Pack" });
    expect(items.map(({ message }) => message).sort()).toEqual([
      "Restarted deployment/site: configmap/settings#level changed",
      "Restarted statefulset/site: configmap/settings#level changed",
    ]);
  }, waiting);
  await on.merge(namespace, "site", { metadata: { annotations: { "podwright.dev/requested-at": "now" } } });
  await on.until(namespace, "site", ({ status }) => expect(status.lastHandledRequest).toBe("now"));
  await on.condition(namespace, "site", "Drifted", "False", "NoDrift");
  expect(await on.history(namespace, "site")).toEqual([[1, "deployed"]]);
});
