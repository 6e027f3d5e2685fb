import { fileURLToPath } from "node:url";
import { configMaps, jobs } from "@podwright/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ran, run } from "../kubectl.ts";
import { type Lane, laneHelm, openLane } from "../lane.ts";

const chart = fileURLToPath(new URL("hooks-chart", import.meta.url));

let lane: Lane;
let helm: (namespace: string, ...args: string[]) => Promise<Ran>;
beforeAll(async () => {
  lane = await openLane({ operator: false });
  const binary = await laneHelm();
  helm = (namespace, ...args) => run(binary, [...args, "--kubeconfig", lane.kubeconfig, "-n", namespace]);
});
afterAll(() => lane?.close());

test("hooks run in their order, and a test shows what it wrote", async () => {
  const namespace = await lane.namespace("hooks");
  const installed = await helm(namespace, "install", "site", chart, "--server-side=false", "--timeout", "60s");
  expect(installed).toEqual({ ...installed, code: 0 });
  const before = await lane.client.resource(jobs).get("before", namespace);
  const after = await lane.client.resource(jobs).get("after", namespace);
  const settings = await lane.client.resource(configMaps).get("settings", namespace);
  const ended: string = before["status"].completionTime;
  expect(ended <= (settings.metadata.creationTimestamp ?? "")).toBe(true);
  expect(ended <= (after.metadata.creationTimestamp ?? "")).toBe(true);
  expect(after["status"].succeeded).toBe(1);
  expect((await lane.kubectl(["-n", namespace, "logs", "job/before"])).stdout).toBe("preparing\nprepared\n");

  const tested = await helm(namespace, "test", "site", "--logs", "--timeout", "60s");
  expect(tested).toEqual({ ...tested, code: 0 });
  expect(tested.stdout).toContain("POD LOGS: check");
  expect(tested.stdout).toContain("testing site");

  const upgraded = await helm(namespace, "upgrade", "site", chart, "--server-side=auto", "--timeout", "60s");
  expect(upgraded).toEqual({ ...upgraded, code: 0 });
  const upgrade = await lane.client.resource(jobs).get("before-upgrade", namespace);
  expect(upgrade["status"].succeeded).toBe(1);
});

test("a hook that fails fails the release", async () => {
  const namespace = await lane.namespace("hooks");
  const set = ["--set", "before=echo broken; exit 1"];
  const failed = await helm(namespace, "install", "site", chart, "--server-side=false", "--timeout", "60s", ...set);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain("failed pre-install: resource Job");
  const list = await lane.client.resource(configMaps).list({ namespace, fieldSelector: "metadata.name=settings" });
  expect(list.items).toEqual([]);
  expect((await lane.kubectl(["-n", namespace, "logs", "job/before"])).stdout).toBe("broken\n");
});

test("a test that fails says so, and shows what it wrote", async () => {
  const namespace = await lane.namespace("hooks");
  const set = ["--set", "test=echo no good; exit 2"];
  await helm(namespace, "install", "site", chart, "--server-side=false", "--timeout", "60s", ...set);
  const tested = await helm(namespace, "test", "site", "--logs", "--timeout", "60s");
  expect(tested.code).toBe(1);
  expect(tested.stdout).toContain("no good");
});
