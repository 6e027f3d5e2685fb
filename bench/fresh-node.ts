// From the import of an image to its pod running on a real node. Prints JSON. One real node at a time on a machine.
import { performance } from "node:perf_hooks";
import { Client, deployments, HttpTransport, loadKubeconfig, pods, silentLogger, systemClock } from "@podwright/client";
import { startOperator } from "@podwright/operator";
import { findEngine, startImageAgent } from "@podwright/operator/image-agent";
import { realNodeMissing, startRealNode } from "../scripts/real-node.ts";
import { percentile } from "./operator-target.ts";

const missing = realNodeMissing();
// A node that does not come up must not take the other figures along.
const failed = (error: unknown) => ({ failed: error instanceof Error ? error.message : String(error) });
console.log(JSON.stringify(missing === undefined ? await measure().catch(failed) : { skipped: missing }, null, 2));

async function measure() {
  const node = await startRealNode("bench-node");
  const client = new Client(new HttpTransport(loadKubeconfig({ path: node.kubeconfig })));
  const operator = await startOperator({
    client,
    without: ["nanopod", "pack", "reflector", "redeploy"],
    fresh: { scope: "all" },
  });
  const engine = await findEngine({ choice: "containerd", socket: node.socket, nodeNamespace: "k8s.io" });
  if (engine === undefined) throw new Error("no containerd");
  const agent = await startImageAgent({ client, node: node.name, engine, clock: systemClock, logger: silentLogger });
  try {
    await node.importImage("app:t0", "t0");
    await client.resource(deployments).create({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "app", namespace: "default" },
      spec: {
        selector: { matchLabels: { app: "app" } },
        template: {
          metadata: { labels: { app: "app" } },
          spec: { terminationGracePeriodSeconds: 1, containers: [{ name: "c", image: "app:t0" }] },
        },
      },
    });
    const running = async (image: string): Promise<number> => {
      for await (const { object } of client.resource(pods).watch({ namespace: "default", timeoutSeconds: 180 })) {
        const status = object["status"]?.containerStatuses?.[0];
        const mine = object["spec"]?.containers[0].image === image;
        if (mine && status?.state?.running !== undefined) return performance.now();
      }
      throw new Error(`${image} did not run within three minutes`);
    };
    await running("app:t0");
    const patched: number[] = [];
    const ran: number[] = [];
    for (let i = 1; i <= 12; i++) {
      await node.importImage(`build:t${i}`, `t${i}`);
      const began = performance.now();
      node.ctrImages("tag", `docker.io/library/build:t${i}`, `docker.io/library/app:t${i}`);
      const isPatched = (async () => {
        for await (const { object } of client
          .resource(deployments)
          .watch({ namespace: "default", timeoutSeconds: 180 })) {
          if (object["spec"]?.template.spec.containers[0].image === `app:t${i}`) return performance.now();
        }
        throw new Error("not patched within three minutes");
      })();
      ran.push((await running(`app:t${i}`)) - began);
      patched.push((await isPatched) - began);
    }
    const of = (values: number[]) => ({ p50_ms: percentile(values, 0.5), p95_ms: percentile(values, 0.95) });
    return { tag_to_patch: of(patched), tag_to_running: of(ran), gather_ms: 250 };
  } finally {
    await agent.stop();
    await operator.stop();
    await client.close();
    await node.stop();
  }
}
