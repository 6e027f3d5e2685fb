// From the import of an image to its pod running on a real node. Prints JSON. One real node at a time on a machine.
import { performance } from "node:perf_hooks";
import {
  Client,
  deployments,
  HttpTransport,
  loadKubeconfig,
  nodeImages,
  pods,
  silentLogger,
  systemClock,
} from "@podwright/client";
import { GrpcConnection, imageEvent, subscribe } from "@podwright/containerd";
import { startOperator } from "@podwright/operator";
import { findEngine, startImageAgent } from "@podwright/operator/image-agent";
import { realNodeMissing, startRealNode } from "../conformance/real-node.ts";
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
  const events = followEvents(node.socket);
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
    const reportedAfterEvent: number[] = [];
    const patchedAfterEvent: number[] = [];
    for (let i = 1; i <= 20; i++) {
      await node.importImage(`build:t${i}`, `t${i}`);
      const began = performance.now();
      await node.ctrImages("tag", `docker.io/library/build:t${i}`, `docker.io/library/app:t${i}`);
      const isPatched = (async () => {
        for await (const { object } of client
          .resource(deployments)
          .watch({ namespace: "default", timeoutSeconds: 180 })) {
          if (object["spec"]?.template.spec.containers[0].image === `app:t${i}`) return performance.now();
        }
        throw new Error("not patched within three minutes");
      })();
      const isReported = (async () => {
        for await (const { object } of client.resource(nodeImages).watch({ timeoutSeconds: 180 })) {
          const { images = [] } = object["status"] ?? {};
          if (images.some(({ name }: { name: string }) => name === `docker.io/library/app:t${i}`)) {
            return performance.now();
          }
        }
        throw new Error("not reported within three minutes");
      })();
      ran.push((await running(`app:t${i}`)) - began);
      patched.push((await isPatched) - began);
      const event = events.at(`docker.io/library/app:t${i}`);
      reportedAfterEvent.push((await isReported) - event);
      patchedAfterEvent.push((await isPatched) - event);
    }
    const of = (values: number[]) => ({ p50_ms: percentile(values, 0.5), p95_ms: percentile(values, 0.95) });
    return {
      tag_to_patch: of(patched),
      tag_to_running: of(ran),
      // From the time that containerd gave its event: the time that ctr takes is not in it.
      event_to_report: of(reportedAfterEvent),
      event_to_patch: of(patchedAfterEvent),
      gather_ms: 250,
    };
  } finally {
    await events.stop();
    await agent.stop();
    await operator.stop();
    await client.close();
    await node.stop();
  }
}

/** When containerd gave a name, by its own event's time, as performance.now() has it. */
function followEvents(socket: string): { at(name: string): number; stop(): Promise<void> } {
  const connection = new GrpcConnection({ socket });
  const stop = new AbortController();
  const times = new Map<string, number>();
  const running = (async () => {
    for await (const { timestamp, event } of subscribe(connection, ['topic=="/images/create"'], {
      signal: stop.signal,
    })) {
      if (timestamp === undefined || event === undefined) continue;
      const { name } = imageEvent.decode(event.value);
      if (!times.has(name)) times.set(name, timestamp.seconds * 1000 + timestamp.nanos / 1e6 - performance.timeOrigin);
    }
  })().catch(() => {});
  return {
    at(name) {
      const time = times.get(name);
      if (time === undefined) throw new Error(`no event for ${name}`);
      return time;
    },
    async stop() {
      stop.abort();
      await running;
      connection.close();
    },
  };
}
