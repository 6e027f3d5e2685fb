// One Secret to many namespaces: the first copies, and a change of the source. Prints JSON.
import { performance } from "node:perf_hooks";
import { type Client, namespaces, secretReflectors, secrets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { forEach, openTarget } from "./operator-target.ts";

const target = await openTarget();
try {
  const { client } = target;
  const operator = await target.operator(["nanopod", "pack", "redeploy"]);
  const result: Record<string, unknown> = { lane: target.lane };
  // kube-apiserver holds back a kind's objects for two seconds when the kind is as young (apiextensions-apiserver,
  // crdHandler.serveResource).
  await measure(client, 1);
  for (const count of [100, 500]) result[`to_${count}_namespaces`] = await measure(client, count);
  result["operator_resident_mb"] = await operator.residentMb();
  await operator.stop();
  console.log(JSON.stringify(result, null, 2));
} finally {
  await target.stop();
}

async function measure(client: Client, count: number) {
  const prefix = `bench${count}`;
  const create = (name: string): KubeObject => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  await client.resource(namespaces).create(create(`${prefix}-source`));
  await forEach(count, 16, (i) => client.resource(namespaces).create(create(`${prefix}-to-${i}`)));
  const namespace = `${prefix}-source`;
  const text = (version: number) => Buffer.from(`${version} ${"x".repeat(1000)}`).toString("base64");
  await client.resource(secrets).create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: prefix, namespace },
    data: { value: text(0) },
  });
  const copied = async (version: number) => {
    const waiting = new Set(Array.from({ length: count }, (_, i) => `${prefix}-to-${i}`));
    const fieldSelector = `metadata.name=${prefix}`;
    for await (const { type, object } of client.resource(secrets).watch({ fieldSelector, timeoutSeconds: 60 })) {
      if (type !== "BOOKMARK" && object["data"]?.value === text(version)) {
        waiting.delete(object.metadata.namespace as string);
      }
      if (waiting.size === 0) return performance.now();
    }
    throw new Error(`${waiting.size} copies are missing after a minute`);
  };
  const first = copied(0);
  let began = performance.now();
  await client.resource(secretReflectors).create({
    apiVersion: "k8s.kubit.ir/v1alpha1",
    kind: "SecretReflector",
    metadata: { name: "r", namespace },
    spec: { secret: { name: prefix }, targets: { namespaces: [`${prefix}-to-*`] } },
  });
  const first_ms = Math.round((await first) - began);
  const change_ms: number[] = [];
  for (let version = 1; version <= 5; version++) {
    const changed = copied(version);
    began = performance.now();
    await client.resource(secrets).patch(prefix, namespace, { data: { value: text(version) } }, { type: "merge" });
    change_ms.push(Math.round((await changed) - began));
  }
  return { first_ms, change_ms };
}
