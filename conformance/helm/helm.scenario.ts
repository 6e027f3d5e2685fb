import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../kubectl.ts";
import { type Lane, laneHelm, openLane } from "../lane.ts";

const chart = fileURLToPath(new URL("chart", import.meta.url));

let lane: Lane;
let helm: string;
beforeAll(async () => {
  lane = await openLane();
  helm = await laneHelm();
});
afterAll(() => lane?.close());

test("helm installs, waits, upgrades, rolls back and uninstalls, and keeps its history", async () => {
  const namespace = await lane.namespace("helm");
  const ok = async (...args: string[]): Promise<string> => {
    const ran = await run(helm, [...args, "--kubeconfig", lane.kubeconfig, "-n", namespace]);
    expect(ran, `helm ${args.join(" ")}`).toEqual({ ...ran, code: 0 });
    return ran.stdout;
  };
  const image = async () =>
    (await lane.kubectl(["-n", namespace, "get", "pods", "-o", "jsonpath={.items[*].spec.containers[0].image}"]))
      .stdout;
  const applying = ["--wait", "--timeout", "60s"];

  await ok("install", "site", chart, ...applying);
  expect(await image()).toBe("app:1");
  await ok("upgrade", "site", chart, ...applying, "--set", "image=app:2");
  expect((await image()).split(" ")).toContain("app:2");
  await ok("rollback", "site", "1", ...applying);
  const history = JSON.parse(await ok("history", "site", "-o", "json")) as { revision: number; status: string }[];
  expect(history.map(({ revision, status }) => [revision, status])).toEqual([
    [1, "superseded"],
    [2, "superseded"],
    [3, "deployed"],
  ]);
  expect(JSON.parse(await ok("list", "-o", "json"))).toMatchObject([
    { name: "site", revision: "3", chart: "web-0.1.0" },
  ]);
  await ok("uninstall", "site", "--wait");
  expect((await lane.kubectl(["-n", namespace, "get", "deployments,services", "-o", "name"])).stdout).toBe("");
});
