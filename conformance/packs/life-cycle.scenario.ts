import { configMaps, namespaces, packs, secrets } from "@podwright/client";
import { expect, test, vi } from "vitest";
import { openPackScene } from "./pack-scene.ts";
import { configTemplate } from "./sample-charts.ts";

const { lane, on } = await openPackScene();
await on.chart("cfg", "0.1.0", { "config.yaml": configTemplate }, "a: x\n");

const data = async (namespace: string, name: string) =>
  (await lane.client.resource(configMaps).get(name, namespace))["data"];
const gone = async (get: () => Promise<unknown>) => {
  await vi.waitFor(async () => expect(await get().catch((error) => error)).toMatchObject({ code: 404 }), 20_000);
};

test("a Pack installs, upgrades by vars, and uninstalls, as a release that helm shows", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "site", {
    chart: on.chartOf("cfg"),
    vars: { TAG: "one" },
    values: { a: "{{ vars.TAG }}" },
  });
  expect(await on.condition(namespace, "site", "Ready", "True")).toBe(
    "Installed cfg 0.1.0, revision 1 of release site",
  );
  expect(await data(namespace, "site")).toEqual({ a: "one" });
  expect(JSON.parse(await on.helm(namespace, "get", "values", "site", "-o", "json"))).toEqual({ a: "one" });

  await on.merge(namespace, "site", { spec: { vars: { TAG: "two" } } });
  expect(await on.condition(namespace, "site", "Ready", "True")).toMatch(/^Upgraded to cfg 0.1.0, revision 2/);
  expect(await data(namespace, "site")).toEqual({ a: "two" });
  const { status } = (await on.get(namespace, "site")) as never as { status: Record<string, unknown> };
  expect(status).toMatchObject({
    chart: { name: "cfg", version: "0.1.0" },
    inventory: [{ apiVersion: "v1", kind: "ConfigMap", name: "site" }],
    lastApplied: { revision: 2 },
    failures: 0,
    history: [
      { revision: 2, status: "deployed", action: "upgrade" },
      { revision: 1, status: "superseded", action: "install" },
    ],
  });
  expect(await on.history(namespace, "site")).toEqual([
    [1, "superseded"],
    [2, "deployed"],
  ]);

  await lane.client.resource(packs).delete("site", namespace);
  await gone(() => lane.client.resource(packs).get("site", namespace));
  expect(JSON.parse(await on.helm(namespace, "list", "-o", "json"))).toEqual([]);
  await gone(() => lane.client.resource(configMaps).get("site", namespace));
});

test("an existing release that is as wanted is adopted as it is; another is upgraded", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "first", { chart: on.chartOf("cfg"), values: { a: "same" } });
  await on.condition(namespace, "first", "Ready", "True");
  // What the Pack knew is lost: the release is all there is.
  await on.merge(namespace, "first", { spec: { suspend: true } });
  await on.condition(namespace, "first", "Suspended", "True");
  await lane.client.resource(packs).patch("first", namespace, { metadata: { finalizers: null } }, { type: "merge" });
  await lane.client.resource(packs).delete("first", namespace);
  await gone(() => lane.client.resource(packs).get("first", namespace));
  expect(await data(namespace, "first")).toEqual({ a: "same" });

  await on.create(namespace, "second", { chart: on.chartOf("cfg"), values: { a: "same" }, releaseName: "first" });
  expect(await on.condition(namespace, "second", "Ready", "True")).toMatch(/^Adopted cfg 0.1.0, revision 1/);
  expect(await on.history(namespace, "first")).toEqual([[1, "deployed"]]);
  await on.merge(namespace, "second", { spec: { values: { a: "other" } } });
  expect(await on.condition(namespace, "second", "Ready", "True")).toMatch(/^Upgraded to cfg 0.1.0, revision 2/);
});

test("a release that is deleted, or rolled back, behind its Pack's back comes back", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "back", { chart: on.chartOf("cfg"), values: { a: "1" } });
  await on.condition(namespace, "back", "Ready", "True");
  await on.merge(namespace, "back", { spec: { values: { a: "2" } } });
  await on.condition(namespace, "back", "Ready", "True");

  await on.helm(namespace, "rollback", "back", "1");
  await vi.waitFor(async () => expect(await data(namespace, "back")).toEqual({ a: "2" }), 20_000);
  await on.until(namespace, "back", (pack) => expect(pack["status"].lastApplied.revision).toBe(4));

  await on.helm(namespace, "uninstall", "back");
  await on.until(namespace, "back", (pack) => expect(pack["status"].lastApplied.revision).toBe(1));
  expect(await data(namespace, "back")).toEqual({ a: "2" });
});

test("a ConfigMap of valuesFrom that changes is an upgrade at once", async () => {
  const namespace = await lane.namespace("pack");
  const source = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "values", namespace } };
  await on.create(namespace, "fed", { chart: on.chartOf("cfg"), valuesFrom: [{ kind: "ConfigMap", name: "values" }] });
  expect(await on.condition(namespace, "fed", "Ready", "False", "ValuesInvalid")).toMatch(/"values" does not exist/);
  await lane.client.resource(configMaps).create({ ...source, data: { "values.yaml": "a: first" } });
  await on.condition(namespace, "fed", "Ready", "True");
  await lane.client
    .resource(configMaps)
    .patch("values", namespace, { data: { "values.yaml": "a: second" } }, { type: "merge" });
  await vi.waitFor(async () => expect(await data(namespace, "fed")).toEqual({ a: "second" }), 20_000);
});

test("a Pack waits for those it depends on, and says when they wait in a circle", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "late", { chart: on.chartOf("cfg"), dependsOn: [{ name: "early" }] });
  expect(await on.condition(namespace, "late", "Ready", "False")).toBe(
    `Waiting: Pack ${namespace}/early does not exist`,
  );
  await on.create(namespace, "early", { chart: on.chartOf("cfg") });
  await on.condition(namespace, "late", "Ready", "True");
  await on.merge(namespace, "early", { spec: { dependsOn: [{ name: "late" }] } });
  expect(await on.condition(namespace, "early", "Stalled", "True", "DependencyCycle")).toContain(
    `${namespace}/early → ${namespace}/late → ${namespace}/early`,
  );
});

test("a release that a helm left pending is marked as failed and done again", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "stuck", { chart: on.chartOf("cfg"), timeout: "2s" });
  await on.condition(namespace, "stuck", "Ready", "True");
  await on.merge(namespace, "stuck", { spec: { suspend: true } });
  await on.condition(namespace, "stuck", "Suspended", "True");
  // As a helm leaves it that is killed in the middle of a first installation.
  const resource = lane.client.resource(secrets);
  const secret = await resource.get("sh.helm.release.v1.stuck.v1", namespace);
  const { gunzipSync, gzipSync } = await import("node:zlib");
  const release = JSON.parse(
    gunzipSync(Buffer.from(Buffer.from(secret["data"].release, "base64").toString(), "base64")).toString(),
  );
  release.info.status = "pending-upgrade";
  await resource.update({
    ...secret,
    metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, status: "pending-upgrade" } },
    data: {
      release: Buffer.from(gzipSync(JSON.stringify(release)).toString("base64")).toString("base64"),
    },
  });
  await on.merge(namespace, "stuck", { spec: { suspend: false } });
  await on.until(namespace, "stuck", (pack) => expect(pack["status"].lastApplied.revision).toBe(2));
  expect(await on.history(namespace, "stuck")).toEqual([
    [1, "superseded"],
    [2, "deployed"],
  ]);
});

test("a namespace goes with the Pack in it", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "leaving", { chart: on.chartOf("cfg") });
  await on.condition(namespace, "leaving", "Ready", "True");
  await lane.client.resource(namespaces).delete(namespace);
  await gone(() => lane.client.resource(namespaces).get(namespace));
});

test("helm tests run after an installation, and are told of", async () => {
  const namespace = await lane.namespace("pack");
  const check = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-test\n  annotations: {"helm.sh/hook": test}\n`;
  await on.chart("tested", "0.1.0", { "config.yaml": configTemplate, "test.yaml": check }, "a: x\n");
  await on.create(namespace, "tested", { chart: on.chartOf("tested"), test: { enable: true } });
  await on.condition(namespace, "tested", "Ready", "True");
  expect(await on.condition(namespace, "tested", "Tested", "True")).toBe("The tests of revision 1 passed");
});

test("a newer chart in the range is installed at the next interval", async () => {
  const namespace = await lane.namespace("pack");
  await on.chart("moving", "1.0.0", { "config.yaml": configTemplate }, "a: old\n");
  await on.create(namespace, "moving", { chart: on.chartOf("moving", "~=1.0"), interval: "1s" });
  await on.condition(namespace, "moving", "Ready", "True");
  await on.chart("moving", "1.1.0", { "config.yaml": configTemplate }, "a: new\n");
  await vi.waitFor(async () => expect(await data(namespace, "moving")).toEqual({ a: "new" }), 20_000);
});
