import { join } from "node:path";
import { nodeImages } from "@podwright/client";
import { startOperator } from "@podwright/operator";
import { findEngine } from "@podwright/operator/image-agent";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { RunKubectl } from "../kubectl.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { type Nerdctl, startNerdctl } from "../machine/nerdctl/nerdctl.ts";
import { nerdctlMissing } from "../machine/nerdctl/programs.ts";
import { missingFor } from "../machine/programs.ts";
import { type NodeLane, nodeLaneMissing, openNodeLane } from "../node-lane.ts";
import { openSource, podsRun, type Source, workloadsOf } from "./built-images.ts";

const missing = nodeLaneMissing ?? missingFor("containerd", "ctr", "runc") ?? nerdctlMissing();

describe.skipIf(missing !== undefined)(`with nerdctl (${missing ?? "real containers"})`, () => {
  let lane: NodeLane;
  let nerdctl: Nerdctl["nerdctl"];
  let source: Source;
  let folder: string;
  const undo: (() => unknown)[] = [];
  beforeAll(async () => {
    lane = await openNodeLane({ runtime: "containerd" });
    undo.push(() => lane.close());
    folder = await shortFolder("pwb-");
    undo.push(() => removeFolder(folder));
    const started = await startNerdctl({ folder, containerd: lane.engineSocket });
    undo.push(() => started.stop());
    nerdctl = started.nerdctl;
    source = await openSource(folder, nerdctl);
    undo.push(() => lane.client.resource(nodeImages).delete("this-machine"));
    const operator = await startOperator({
      client: lane.client,
      without: ["nanopod", "pack", "reflector", "redeploy"],
      fresh: {
        settleMs: 200,
        engine: () => findEngine({ choice: "containerd", socket: lane.engineSocket, nodeNamespace: "k8s.io" }),
      },
      onError: console.error,
    });
    undo.push(() => operator.stop());
  }, 180_000);
  afterAll(async () => {
    for (const step of undo.reverse()) await step();
  }, 120_000);

  let tries = 0;
  /** A repository that no try before this one has used, and whose images are first seen with its workloads' one. */
  async function running(name: string): Promise<{ repository: string; kubectl: RunKubectl }> {
    const repository = `${name}${++tries}`;
    await source.build(`${repository}:test`, "test");
    const namespace = await lane.namespace("nerdctl");
    await lane.kubectl(["label", "namespace", namespace, "podwright.dev/fresh=true"]);
    const kubectl: RunKubectl = (args, input) => lane.kubectl(["-n", namespace, ...args], input);
    expect(await kubectl(["apply", "-f", "-"], workloadsOf(`${repository}:test`))).toMatchObject({ code: 0 });
    await podsRun(kubectl, "test");
    return { repository, kubectl };
  }
  async function reported(): Promise<string[]> {
    const { status } = await lane.client.resource(nodeImages).get("this-machine");
    return status?.images.map(({ name }: { name: string }) => name) ?? [];
  }

  test("nerdctl -n k8s.io build -t myimage:fixed . and every workload that used myimage:test runs it", async () => {
    const { repository, kubectl } = await running("myimage");
    await source.build(`${repository}:fixed`, "fixed");
    await podsRun(kubectl, "fixed");
    // The same name with other content.
    await source.build(`${repository}:fixed`, "fixed again");
    await podsRun(kubectl, "fixed again");
  }, 300_000);

  test("nerdctl tag is rolled out likewise", async () => {
    const { repository, kubectl } = await running("tagged");
    await source.build(`elsewhere-${repository}:2`, "tagged");
    await nerdctl(["tag", `elsewhere-${repository}:2`, `${repository}:2`]);
    await podsRun(kubectl, "tagged");
  }, 300_000);

  test("nerdctl load is rolled out likewise", async () => {
    const archive = join(folder, "loaded.tar");
    const name = `loaded${tries + 1}:2`;
    await source.build(name, "loaded");
    await nerdctl(["save", "-o", archive, name]);
    await vi.waitFor(async () => expect(await reported()).toContain(`docker.io/library/${name}`), { timeout: 20_000 });
    await nerdctl(["rmi", name]);
    await vi.waitFor(async () => expect(await reported()).not.toContain(`docker.io/library/${name}`), {
      timeout: 20_000,
    });
    const { kubectl } = await running("loaded");
    await nerdctl(["load", "-i", archive]);
    await podsRun(kubectl, "loaded");
  }, 300_000);
});
