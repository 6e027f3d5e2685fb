import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { leases, packs, validatingWebhookConfigurations } from "@podwright/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Lane, laneHelm, openLane } from "../lane.ts";
import { isAlive, type OperatorProcess, startOperatorProcess } from "./operator-process.ts";
import { openPackLane, type PackLane } from "./pack-lane.ts";
import { configTemplate, deploymentTemplate, sampleValues } from "./sample-charts.ts";

const waiting = { timeout: 30_000, interval: 50 };

let lane: Lane;
let on: PackLane;
let folder: string;
const running = new Set<OperatorProcess>();
beforeAll(async () => {
  lane = await openLane({ operator: false });
  folder = await mkdtemp(join(tmpdir(), "podwright-operators-"));
  // The kinds come with the first operator.
  const first = await start("first");
  on = await openPackLane(lane);
  await on.chart("cfg", "0.1.0", { "config.yaml": configTemplate }, sampleValues);
  await on.chart("web", "0.1.0", { "web.yaml": deploymentTemplate }, sampleValues);
  await stop(first);
});
afterAll(async () => {
  const last = await start("last");
  await on?.close();
  await stop(last);
  for (const operator of running) await operator.kill();
  // An operator that was killed leaves its webhooks.
  await lane?.client
    .resource(validatingWebhookConfigurations)
    .delete("podwright-validating-webhook-configuration")
    .catch(() => {});
  await lane?.close();
  await rm(folder, { recursive: true, force: true });
});

let leaseCount = 0;
/** With a lease of its own, that it need not wait for one who was killed. */
async function start(name = "operator", options: { lease?: string; helm?: string } = {}): Promise<OperatorProcess> {
  const operator = await startOperatorProcess({
    kubeconfig: lane.kubeconfig,
    cacheDir: join(folder, name),
    lease: `default/packs-${process.pid}-${leaseCount++}`,
    ...options,
  });
  running.add(operator);
  return operator;
}
async function stop(operator: OperatorProcess): Promise<void> {
  running.delete(operator);
  await operator.stop();
}
async function kill(operator: OperatorProcess): Promise<void> {
  running.delete(operator);
  await operator.kill();
}

test("an operator killed between helm and status: the next one finds the release as it is", async () => {
  const namespace = await lane.namespace("crash");
  const done = join(folder, "done");
  const helm = join(folder, "helm.sh");
  // The real helm; but its end is not told.
  await writeFile(
    helm,
    `#!/bin/sh\n'${await laneHelm()}' "$@" || exit\n[ "$1" = install ] || exit 0\necho $$ > '${done}.new'\nmv '${done}.new' '${done}'\nwhile :; do sleep 1; done\n`,
    { mode: 0o755 },
  );
  const first = await start("crash", { helm });
  await on.create(namespace, "site", { chart: on.chartOf("cfg"), timeout: "60s" });
  const pid = Number(await vi.waitFor(() => readFile(done, "utf8"), waiting));
  await kill(first);
  expect((await on.get(namespace, "site"))["status"].lastApplied).toBeUndefined();
  expect(await on.history(namespace, "site")).toEqual([[1, "deployed"]]);
  expect(isAlive(pid)).toBe(true);

  const second = await start("crash");
  expect(await on.condition(namespace, "site", "Ready", "True")).toBe("Adopted cfg 0.1.0, revision 1 of release site");
  expect(await on.history(namespace, "site")).toEqual([[1, "deployed"]]);
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), waiting);
  await stop(second);
});

test("a helm that outlives its operator is ended by the next one, and what it began is done again", async () => {
  const namespace = await lane.namespace("orphan");
  const first = await start("orphan");
  const nowhere = { nodes: { "no-such-label": "x" } };
  await on.create(namespace, "site", { chart: on.chartOf("web"), values: nowhere, timeout: "120s" });
  await on.until(namespace, "site", ({ status }) =>
    expect(status?.conditions?.[0]?.message).toContain("waiting for Deployment site"),
  );
  const { stdout } = await promisify(execFile)("ps", ["-eo", "pid,args"]);
  const line = stdout.split("\n").find((each) => each.includes(" install site ") && each.includes(namespace));
  const pid = Number(line?.trim().split(" ")[0]);
  await kill(first);
  expect(isAlive(pid)).toBe(true);
  expect(await on.history(namespace, "site")).toEqual([[1, "pending-install"]]);

  await on.merge(namespace, "site", { spec: { values: { nodes: null } } });
  const second = await start("orphan");
  await on.condition(namespace, "site", "Ready", "True");
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), waiting);
  expect((await on.history(namespace, "site")).at(-1)?.[1]).toBe("deployed");
  await stop(second);
});

test("of two operators one works; the other takes over when it is killed", async () => {
  const namespace = await lane.namespace("two");
  const lease = `default/two-${process.pid}`;
  const holder = async () =>
    (await lane.client.resource(leases).get(lease.split("/")[1] as string, "default"))["spec"].holderIdentity;
  const first = await start("one", { lease });
  const leader = await vi.waitFor(async () => {
    const name = await holder();
    expect(name).toBeTruthy();
    return name;
  }, waiting);
  const second = await start("two", { lease });
  const names = (from: number) => Array.from({ length: 5 }, (_, i) => `p${from + i}`);
  const create = (from: number) =>
    Promise.all(names(from).map((name) => on.create(namespace, name, { chart: on.chartOf("cfg") })));
  await create(0);
  for (const name of names(0)) await on.condition(namespace, name, "Ready", "True");
  for (const name of names(0)) expect(await on.history(namespace, name)).toEqual([[1, "deployed"]]);
  expect(await holder()).toBe(leader);

  await create(5);
  await vi.waitFor(async () => {
    const { items } = await lane.client.resource(packs).list({ namespace });
    expect(items.filter((pack) => pack["status"]?.lastAttempted !== undefined).length).toBeGreaterThan(5);
  }, waiting);
  await kill(first);
  await vi.waitFor(async () => expect(await holder()).not.toBe(leader), { timeout: 40_000, interval: 200 });
  for (const name of [...names(0), ...names(5)]) await on.condition(namespace, name, "Ready", "True");
  const listed = JSON.parse(await on.helm(namespace, "list", "-o", "json"));
  expect(listed.map(({ status }: { status: string }) => status)).toEqual(Array(10).fill("deployed"));
  // What was installed before stayed as it was.
  for (const name of names(0)) expect(await on.history(namespace, name)).toEqual([[1, "deployed"]]);
  await stop(second);
}, 120_000);
