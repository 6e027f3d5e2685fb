// From the change of a ConfigMap to its patched workload, and what watching many objects takes. Prints JSON.
import { performance } from "node:perf_hooks";
import { type Client, configMaps, deployments, secrets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { forEach, openTarget, percentile } from "./operator-target.ts";

const without = ["nanopod", "pack", "reflector"] as const;
const stateKey = "podwright.dev/redeploy-state";
const namespace = "default";
/** Changes that are made before it is measured. */
const warmUp = 40;

const target = await openTarget();
try {
  const { client } = target;
  const result: Record<string, unknown> = { lane: target.lane };
  let operator = await target.operator(without);
  await makeWorkloads(client, 0, 40);
  result["workloads_40"] = await measureChanges(client, 40, 200);
  result["operator_resident_40_mb"] = await operator.residentMb();
  await makeWorkloads(client, 40, 1000);
  result["workloads_1000"] = await measureChanges(client, 1000, 200);
  await operator.stop();

  // Of 2 kB each: 30 MB in all.
  const value = "x".repeat(1000);
  const of = (name: string) => ({ apiVersion: "v1", metadata: { name, namespace } });
  await forEach(10_000, 32, (i) =>
    client
      .resource(secrets)
      .create({ ...of(`many-${i}`), kind: "Secret", stringData: { a: `${i} ${value}`, b: `${value} ${i}` } }),
  );
  await forEach(5_000, 32, (i) =>
    client
      .resource(configMaps)
      .create({ ...of(`many-${i}`), kind: "ConfigMap", data: { a: `${i} ${value}`, b: `${value} ${i}` } }),
  );
  operator = await target.operator(without);
  result["secrets_10000_configmaps_5000_resident_mb"] = await operator.residentMb();
  await operator.stop();
  console.log(JSON.stringify(result, null, 2));
} finally {
  await target.stop();
}

async function makeWorkloads(client: Client, from: number, to: number): Promise<void> {
  await forEach(to - from, 16, async (index) => {
    const name = `web-${from + index}`;
    await client
      .resource(configMaps)
      .create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { a: "0" } });
    const annotations = {
      "pack-operator.k8s.kubit.ir/watch-to-redeploy": `configmap/${name}`,
      "podwright.dev/redeploy-after": "0s",
    };
    await client.resource(deployments).create({ ...deploymentOf(name), metadata: { name, namespace, annotations } });
  });
  const waiting = new Set(Array.from({ length: to - from }, (_, index) => `web-${from + index}`));
  for await (const { object } of client.resource(deployments).watch({ namespace, timeoutSeconds: 60 })) {
    if (object.metadata.annotations?.[stateKey] !== undefined) waiting.delete(object.metadata.name as string);
    if (waiting.size === 0) return;
  }
  throw new Error(`${waiting.size} workloads were not taken down within a minute`);
}

/**
 * One change after the other, each of another workload's ConfigMap; and in turns with them the same two patches by a
 * follower that does nothing else, which is what the API server and its watches take of it.
 */
async function measureChanges(client: Client, workloads: number, changes: number) {
  const floor = await openFloor(client);
  const { metadata } = await client.resource(deployments).list({ namespace, limit: 1 });
  const watch = client
    .resource(deployments)
    .watch({ namespace, resourceVersion: metadata.resourceVersion ?? "", timeoutSeconds: 300 });
  const latencies: number[] = [];
  const floors: number[] = [];
  for (let i = 0; i < warmUp + changes; i++) {
    const name = `web-${(i * 7) % workloads}`;
    const changedAt = Date.now();
    const restarts = (async () => {
      for (;;) {
        const { value, done } = await watch.next();
        if (done || value === undefined) throw new Error("the watch ended");
        const { object } = value;
        const { metadata } = object["spec"]?.template ?? {};
        const at = Date.parse(metadata?.annotations?.["kubectl.kubernetes.io/restartedAt"] ?? "");
        if (object.metadata.name === name && at >= changedAt - 1) return performance.now();
      }
    })();
    const began = performance.now();
    await client.resource(configMaps).patch(name, namespace, { data: { a: `${i} ${changedAt}` } }, { type: "merge" });
    const latency = (await restarts) - began;
    const least = await floor.measure();
    if (i < warmUp) continue;
    latencies.push(latency);
    floors.push(least);
  }
  await floor.close();
  const of = (values: number[]) => ({ p50_ms: percentile(values, 0.5), p95_ms: percentile(values, 0.95) });
  return { ...of(latencies), floor: of(floors) };
}

/** A ConfigMap that no workload watches and a Deployment that watches nothing. */
async function openFloor(client: Client) {
  const name = "floor";
  const of = { metadata: { name, namespace } };
  await client.resource(configMaps).create({ apiVersion: "v1", kind: "ConfigMap", ...of, data: { a: "0" } });
  const made = await client.resource(deployments).create({ ...deploymentOf(name), ...of });
  const resourceVersion = made.metadata.resourceVersion as string;
  const changes = client.resource(configMaps).watch({ namespace, resourceVersion });
  const restarts = client.resource(deployments).watch({ namespace, resourceVersion });
  let round = 0;
  const next = async (watch: typeof changes, isIt: (object: KubeObject) => boolean): Promise<void> => {
    for (;;) {
      const { value, done } = await watch.next();
      if (done || value === undefined) throw new Error("the watch ended");
      if (value.object.metadata.name === name && isIt(value.object)) return;
    }
  };
  return {
    async measure(): Promise<number> {
      const text = String(++round);
      const began = performance.now();
      const changed = next(changes, (object) => object["data"]?.a === text);
      const patched = next(restarts, (object) => object["spec"]?.template.metadata.annotations?.round === text);
      await Promise.all([
        client.resource(configMaps).patch(name, namespace, { data: { a: text } }, { type: "merge" }),
        changed.then(() => {
          const template = { metadata: { annotations: { round: text } } };
          return client.resource(deployments).patch(name, namespace, { spec: { template } }, { type: "strategic" });
        }),
        patched,
      ]);
      return performance.now() - began;
    },
    async close(): Promise<void> {
      await changes.return(undefined);
      await restarts.return(undefined);
      await client.resource(configMaps).delete(name, namespace);
      await client.resource(deployments).delete(name, namespace);
    },
  };
}

function deploymentOf(name: string) {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "i:1" }] } },
    },
  };
}
