// From the change of a ConfigMap to its patched workload, and what watching many objects takes. Prints JSON.
import { performance } from "node:perf_hooks";
import { type Client, configMaps, deployments, secrets } from "@podwright/client";
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
    await client.resource(deployments).create({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace, annotations },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "i:1" }] } },
      },
    });
  });
  const waiting = new Set(Array.from({ length: to - from }, (_, index) => `web-${from + index}`));
  for await (const { object } of client.resource(deployments).watch({ namespace, timeoutSeconds: 60 })) {
    if (object.metadata.annotations?.[stateKey] !== undefined) waiting.delete(object.metadata.name as string);
    if (waiting.size === 0) return;
  }
  throw new Error(`${waiting.size} workloads were not taken down within a minute`);
}

/** One change after the other, each of another workload's ConfigMap. */
async function measureChanges(client: Client, workloads: number, changes: number) {
  const { metadata } = await client.resource(deployments).list({ namespace, limit: 1 });
  const watch = client
    .resource(deployments)
    .watch({ namespace, resourceVersion: metadata.resourceVersion ?? "", timeoutSeconds: 300 });
  const latencies: number[] = [];
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
    if (i >= warmUp) latencies.push(latency);
  }
  return { p50_ms: percentile(latencies, 0.5), p95_ms: percentile(latencies, 0.95) };
}
