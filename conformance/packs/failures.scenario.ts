import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { configMaps, deployments } from "@podwright/client";
import { expect, test, vi } from "vitest";
import { openPackScene } from "./pack-scene.ts";
import { configTemplate, deploymentTemplate, sampleValues } from "./sample-charts.ts";

const { lane, on } = await openPackScene();
await on.chart("cfg", "0.1.0", { "config.yaml": configTemplate }, sampleValues);
await on.chart("web", "0.1.0", { "web.yaml": deploymentTemplate }, sampleValues);

const nowhere = { nodes: { "no-such-label": "x" } };

test("an upgrade that does not get ready is rolled back, and says why; a changed Pack starts anew", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "web", {
    chart: on.chartOf("web"),
    timeout: "4s",
    upgrade: { remediation: "rollback" },
  });
  await on.condition(namespace, "web", "Ready", "True");
  await on.merge(namespace, "web", { spec: { values: nowhere } });
  const progress = await on.condition(namespace, "web", "Ready", "Unknown", "Progressing");
  expect(progress).toContain("Upgrading to web 0.1.0");
  await on.condition(namespace, "web", "Remediated", "True", "RolledBack");
  await on.condition(namespace, "web", "Stalled", "True", "RetriesExceeded");
  expect(await on.condition(namespace, "web", "Ready", "False", "UpgradeFailed")).toMatch(
    /^Upgrading to web 0.1.0 failed: .*Deployment web: pod web-/s,
  );
  expect(await on.history(namespace, "web")).toEqual([
    [1, "superseded"],
    [2, "failed"],
    [3, "deployed"],
  ]);
  expect((await lane.client.resource(deployments).get("web", namespace))["spec"].template.spec.nodeSelector).toBe(
    undefined,
  );
  await on.merge(namespace, "web", { spec: { values: { nodes: null, tag: "2" } } });
  await on.condition(namespace, "web", "Ready", "True");
});

test("while helm waits the Pack tells for what", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "slow", { chart: on.chartOf("web"), values: nowhere, timeout: "60s" });
  await on.until(namespace, "slow", (pack) =>
    expect(pack["status"]?.conditions?.[0]?.message).toBe(
      "Installing web 0.1.0: waiting for Deployment slow (0 of 1 ready)",
    ),
  );
  // What is wanted now is not waited for.
  await on.merge(namespace, "slow", { spec: { values: { nodes: null } } });
  await on.condition(namespace, "slow", "Ready", "True");
});

test("helm killed in the middle: the release is unlocked and done again", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "killed", { chart: on.chartOf("web"), values: nowhere, timeout: "60s" });
  await on.until(namespace, "killed", (pack) =>
    expect(pack["status"]?.conditions?.[0]?.message).toContain("waiting for Deployment killed"),
  );
  const { stdout } = await promisify(execFile)("ps", ["-eo", "pid,args"]);
  const line = stdout.split("\n").find((each) => each.includes(" install killed ") && each.includes(namespace));
  process.kill(Number(line?.trim().split(" ")[0]), "SIGKILL");
  expect(await on.condition(namespace, "killed", "Ready", "False", "InstallFailed")).toContain(
    "helm install was killed",
  );
  expect(await on.history(namespace, "killed")).toEqual([[1, "failed"]]);
  await on.merge(namespace, "killed", { spec: { values: { nodes: null } } });
  await on.condition(namespace, "killed", "Ready", "True");
});

test("a first installation that fails goes away again with remediation uninstall", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "first", {
    chart: on.chartOf("web"),
    values: nowhere,
    timeout: "2s",
    install: { remediation: "uninstall" },
  });
  await on.condition(namespace, "first", "Stalled", "True", "RetriesExceeded");
  await on.condition(namespace, "first", "Remediated", "True", "Uninstalled");
  expect(JSON.parse(await on.helm(namespace, "list", "-o", "json"))).toEqual([]);
});

test("with manual approval nothing happens until the annotation names the plan", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "asked", { chart: on.chartOf("cfg"), approval: "manual" });
  await on.condition(namespace, "asked", "Ready", "False", "ApprovalPending");
  const approve = async (digest: string) =>
    on.merge(namespace, "asked", { metadata: { annotations: { "podwright.dev/approve": digest } } });
  let { status } = (await on.get(namespace, "asked")) as never as { status: { plan: Record<string, unknown> } };
  expect(status.plan).toMatchObject({
    summary: "1 to create, 0 to update, 0 to delete",
    changes: [{ op: "create", kind: "ConfigMap", namespace, name: "asked" }],
  });
  expect(JSON.parse(await on.helm(namespace, "list", "-o", "json"))).toEqual([]);
  await approve(status.plan["digest"] as string);
  await on.condition(namespace, "asked", "Ready", "True");

  await on.merge(namespace, "asked", { spec: { values: { a: "new" } } });
  await on.condition(namespace, "asked", "Ready", "False", "ApprovalPending");
  ({ status } = (await on.get(namespace, "asked")) as never as { status: { plan: Record<string, unknown> } });
  expect(status.plan["changes"]).toMatchObject([{ op: "update", diff: expect.stringContaining("-  a: x\n+  a: new") }]);
  expect((await lane.client.resource(configMaps).get("asked", namespace))["data"]).toEqual({ a: "x" });
  await approve(status.plan["digest"] as string);
  await vi.waitFor(
    async () => expect((await lane.client.resource(configMaps).get("asked", namespace))["data"]).toEqual({ a: "new" }),
    20_000,
  );
});

test("patches after rendering are in the cluster", async () => {
  const namespace = await lane.namespace("pack");
  await on.create(namespace, "patched", {
    chart: on.chartOf("cfg"),
    postRender: [
      { patch: "kind: ConfigMap\nmetadata: {name: patched, labels: {team: blue}}" },
      { patch: '[{"op": "add", "path": "/data/b", "value": "y"}]', target: { kind: "ConfigMap" } },
    ],
  });
  await on.condition(namespace, "patched", "Ready", "True");
  const made = await lane.client.resource(configMaps).get("patched", namespace);
  expect(made["data"]).toEqual({ a: "x", b: "y" });
  expect(made.metadata.labels).toMatchObject({ team: "blue" });
});
