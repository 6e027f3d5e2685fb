import { clusterPackRepositories, configMaps, packs } from "@podwright/client";
import { expect, test, vi } from "vitest";
import { openPackScene } from "./pack-scene.ts";
import { configTemplate, sampleValues } from "./sample-charts.ts";

const waiting = { timeout: 20_000, interval: 50 };

const { lane, on } = await openPackScene();
await on.chart("cfg", "0.1.0", { "config.yaml": configTemplate }, sampleValues);

test("a repository that goes takes no installed Pack with it, and a Pack can be uninstalled without", async () => {
  const namespace = await lane.namespace("gone");
  const repositories = lane.client.resource(clusterPackRepositories);
  const { spec } = await repositories.get(on.repository);
  const name = `${on.repository}-gone`;
  await repositories.create({
    apiVersion: "k8s.kubit.ir/v1alpha1",
    kind: "ClusterPackRepository",
    metadata: { name },
    spec,
  });
  const chart = { name: "cfg", version: "0.1.0", repository: { kind: "ClusterPackRepository", name } };
  await on.create(namespace, "stays", { chart });
  await on.create(namespace, "leaves", { chart });
  const ready = await on.condition(namespace, "stays", "Ready", "True");
  await on.condition(namespace, "leaves", "Ready", "True");

  await repositories.delete(name);
  expect(await on.condition(namespace, "stays", "ChartAvailable", "False", "RepositoryNotFound")).toBe(
    `there is no ClusterPackRepository ${name}; what is installed stays as it is`,
  );
  expect(await on.condition(namespace, "stays", "Ready", "True")).toBe(ready);

  // What is asked for now cannot be had.
  await on.merge(namespace, "stays", { spec: { values: { a: "y" } } });
  await on.condition(namespace, "stays", "Ready", "False", "RepositoryNotFound");

  await lane.client.resource(packs).delete("leaves", namespace);
  await vi.waitFor(async () => {
    await expect(lane.client.resource(packs).get("leaves", namespace)).rejects.toMatchObject({ code: 404 });
  }, waiting);
  await expect(lane.client.resource(configMaps).get("leaves", namespace)).rejects.toMatchObject({ code: 404 });

  await repositories.create({
    apiVersion: "k8s.kubit.ir/v1alpha1",
    kind: "ClusterPackRepository",
    metadata: { name },
    spec,
  });
  await on.condition(namespace, "stays", "Ready", "True");
  const { conditions } = (await on.get(namespace, "stays"))["status"];
  expect(conditions.map(({ type }: { type: string }) => type)).not.toContain("ChartAvailable");
  await lane.client.resource(packs).delete("stays", namespace);
  await vi.waitFor(async () => {
    await expect(lane.client.resource(packs).get("stays", namespace)).rejects.toMatchObject({ code: 404 });
  }, waiting);
  await repositories.delete(name);
});

test("a request by annotation is kept in the status, and starts anew what was given up", async () => {
  const namespace = await lane.namespace("asked");
  const broken = `{{ if lookup "v1" "ConfigMap" .Release.Namespace "there" }}\n${configTemplate}{{ else }}{{ fail "not yet" }}{{ end }}`;
  await on.chart("picky", "0.1.0", { "config.yaml": broken }, "a: x\n");
  await on.create(namespace, "asked", { chart: on.chartOf("picky"), install: { retries: 0 } });
  expect(await on.condition(namespace, "asked", "Ready", "False", "InstallFailed")).toContain("not yet");
  await on.condition(namespace, "asked", "Stalled", "True", "RetriesExceeded");
  await lane.client
    .resource(configMaps)
    .create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "there", namespace } });
  await on.merge(namespace, "asked", { metadata: { annotations: { "podwright.dev/requested-at": "noon" } } });
  await on.condition(namespace, "asked", "Ready", "True");
  expect((await on.get(namespace, "asked"))["status"].lastHandledRequest).toBe("noon");
});
