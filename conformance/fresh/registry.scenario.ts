import { deployments } from "@podwright/client";
import { type Operator, startOperator } from "@podwright/operator";
import { type RegistryProcess, registryMissing, startRegistry } from "@podwright/operator/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";

const missing = registryMissing();

describe.skipIf(missing !== undefined)(
  `with a registry${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let lane: Lane;
    let operator: Operator;
    let registry: RegistryProcess;
    beforeAll(async () => {
      [lane, registry] = await Promise.all([openLane({ operator: false }), startRegistry()]);
      operator = await startOperator({
        client: lane.client,
        without: ["nanopod", "pack", "reflector", "redeploy"],
        fresh: { scope: "opt-in", images: "registry", pollEveryMs: 200, settleMs: 200 },
        onError: console.error,
      });
    });
    afterAll(async () => {
      await operator?.stop();
      await lane?.close();
      await registry?.stop();
    });

    test("what is pushed is rolled out: the version in the range, and to nobody who wants none", async () => {
      const namespace = await lane.namespace("registry");
      const image = `${registry.host}/team/app`;
      await registry.push("team/app", "1.0.0", "one");
      const deploy = (name: string, policy: string) =>
        lane.client.resource(deployments).create({
          apiVersion: "apps/v1",
          kind: "Deployment",
          metadata: {
            name,
            namespace,
            labels: { "podwright.dev/fresh": "true" },
            annotations: { "podwright.dev/fresh-policy": policy },
          },
          spec: {
            replicas: 0,
            selector: { matchLabels: { app: name } },
            template: {
              metadata: { labels: { app: name } },
              spec: { containers: [{ name: "c", image: `${image}:1.0.0` }] },
            },
          },
        });
      await deploy("ranged", "semver:^1");
      await deploy("fixed", "same-tag");
      await registry.push("team/app", "2.0.0", "other");
      await registry.push("team/app", "1.1.0", "two");
      const imageOf = async (name: string) =>
        (await lane.client.resource(deployments).get(name, namespace))["spec"].template.spec.containers[0].image;
      await vi.waitFor(async () => expect(await imageOf("ranged")).toBe(`${image}:1.1.0`), { timeout: 20_000 });
      expect(await imageOf("fixed")).toBe(`${image}:1.0.0`);
    });
  },
);
