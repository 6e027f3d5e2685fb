import { configMaps, deployments, packs } from "@podwright/client";
import { expect, test, vi } from "vitest";
import { openPackScene } from "./pack-scene.ts";
import { configTemplate, deploymentTemplate, sampleValues } from "./sample-charts.ts";

const waiting = { timeout: 20_000, interval: 50 };

const { lane, on } = await openPackScene();
await on.chart("cfg", "0.1.0", { "config.yaml": configTemplate }, sampleValues);
await on.chart("web", "0.1.0", { "web.yaml": deploymentTemplate }, sampleValues);

const conditionsOf = async (namespace: string, name: string) =>
  ((await on.get(namespace, name))["status"].conditions as { type: string }[]).map(({ type }) => type);

// The interval is ten minutes: what is seen is seen by watching.
test("drift is told when it happens, and when it ends; with detection off nothing is told", async () => {
  const namespace = await lane.namespace("drift");
  const resource = lane.client.resource(configMaps);
  await on.create(namespace, "warned", { chart: on.chartOf("cfg"), driftDetection: { mode: "warn" } });
  await on.condition(namespace, "warned", "Drifted", "False", "NoDrift");
  await resource.patch("warned", namespace, { data: { a: "by hand" } }, { type: "merge" });
  expect(await on.condition(namespace, "warned", "Drifted", "True")).toBe("ConfigMap warned (changed)");
  await resource.patch("warned", namespace, { data: { a: "x" } }, { type: "merge" });
  await on.condition(namespace, "warned", "Drifted", "False", "NoDrift");
  await resource.delete("warned", namespace);
  expect(await on.condition(namespace, "warned", "Drifted", "True")).toBe("ConfigMap warned (deleted)");

  await on.merge(namespace, "warned", { spec: { driftDetection: { ignore: [{ paths: ["/"] }] } } });
  await on.condition(namespace, "warned", "Drifted", "False", "NoDrift");
  await on.merge(namespace, "warned", { spec: { driftDetection: { mode: "off" } } });
  await vi.waitFor(async () => expect(await conditionsOf(namespace, "warned")).not.toContain("Drifted"), waiting);
  await on.condition(namespace, "warned", "Ready", "True");
});

test("drift is put right, again and again, and what was put right is told", async () => {
  const namespace = await lane.namespace("drift");
  const resource = lane.client.resource(deployments);
  await on.create(namespace, "kept", {
    chart: on.chartOf("web"),
    driftDetection: { mode: "correct", ignore: [{ paths: ["/spec/paused"], target: { kind: "Deployment" } }] },
  });
  await on.condition(namespace, "kept", "Drifted", "False", "NoDrift");
  const replicas = async () => (await resource.get("kept", namespace))["spec"].replicas;
  for (const wrong of [3, 2]) {
    await resource.patch("kept", namespace, { spec: { replicas: wrong, paused: true } }, { type: "merge" });
    await vi.waitFor(async () => expect(await replicas()).toBe(1), waiting);
  }
  expect(await on.condition(namespace, "kept", "Drifted", "False", "DriftCorrected")).toBe(
    "Put right: Deployment kept (changed)",
  );
  expect((await resource.get("kept", namespace))["spec"].paused).toBe(true);
  await resource.delete("kept", namespace);
  await vi.waitFor(async () => expect(await replicas()).toBe(1), waiting);
  // Who stops to want it is left alone.
  await on.merge(namespace, "kept", { spec: { suspend: true } });
  await on.condition(namespace, "kept", "Suspended", "True");
  await resource.patch("kept", namespace, { spec: { replicas: 2 } }, { type: "merge" });
  await on.merge(namespace, "kept", { spec: { driftDetection: { mode: "off" }, suspend: false } });
  await vi.waitFor(async () => expect(await conditionsOf(namespace, "kept")).not.toContain("Drifted"), waiting);
  expect(await replicas()).toBe(2);
  await lane.client.resource(packs).delete("kept", namespace);
});
