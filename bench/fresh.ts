// From an image's event to the patched workload, and what following many images and workloads takes. Prints JSON.
import { performance } from "node:perf_hooks";
import { type Client, deployments, nodeImages, nodes } from "@podwright/client";
import { DockerClient, tagImage } from "@podwright/docker";
import { dockerMissing, startDockerDaemon } from "@podwright/operator/testing";
import { forEach, openTarget, percentile } from "./operator-target.ts";

const without = ["nanopod", "pack", "reflector", "redeploy"] as const;
const namespace = "default";
const gatherMs = 250;
const node = "bench-node";

const target = await openTarget();
try {
  const { client } = target;
  const result: Record<string, unknown> = { lane: target.lane, gather_ms: gatherMs };
  await client.resource(nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name: node } });
  const empty = await target.operator(without);
  result["operator_resident_without_images_mb"] = await empty.residentMb();
  await empty.stop();

  // Each repository with two workloads.
  const images = new Map<string, object>();
  for (let i = 0; i < 1000; i++) add(images, i, "1");
  await report(client, images);
  await forEach(2000, 16, (i) => client.resource(deployments).create(deployment(i)));
  const operator = await target.operator(without);
  // At rest it gives back what it does not need.
  await new Promise((resolve) => setTimeout(resolve, 22_000));
  result["images_1000_workloads_2000_resident_mb"] = await operator.residentMb();
  result["event_to_patch"] = await measure(client, images, 60);
  const cpuBefore = await operator.cpuSeconds();
  const idleMs = 20_000;
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  result["idle_share_of_a_core"] = Math.round(((await operator.cpuSeconds()) - cpuBefore) / (idleMs / 1e7)) / 10_000;
  await operator.stop();
  result["docker"] = await measureDocker(client);
  console.log(JSON.stringify(result, null, 2));
} finally {
  await target.stop();
}

function add(images: Map<string, object>, i: number, tag: string): void {
  const name = `docker.io/bench/app-${i}:${tag}`;
  const id = `sha256:${i.toString(16).padStart(8, "0")}${Buffer.from(tag).toString("hex").padStart(56, "0")}`;
  images.set(name, { name, ids: [id], appearedAt: new Date().toISOString() });
}

function deployment(i: number) {
  const name = `web-${i}`;
  const image = `bench/app-${i % 1000}:1`;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image }] } },
    },
  };
}

/** As an image agent writes it. */
async function report(client: Client, images: Map<string, object>): Promise<void> {
  const object = {
    apiVersion: "podwright.dev/v1alpha1",
    kind: "NodeImages",
    metadata: { name: node },
    status: { source: "docker", allNodes: true, connected: true, images: [...images.values()] },
  };
  const options = { type: "apply", force: true, fieldManager: "bench" } as const;
  await client.resource(nodeImages).patch(node, undefined, object, options);
}

/** One new image after the other; the time until the later of its two workloads is patched, without the gathering. */
async function measure(client: Client, images: Map<string, object>, count: number) {
  const latencies: number[] = [];
  const { metadata } = await client.resource(deployments).list({ namespace, limit: 1 });
  const watch = client
    .resource(deployments)
    .watch({ namespace, resourceVersion: metadata.resourceVersion ?? "", timeoutSeconds: 300 });
  for (let i = 0; i < count + 10; i++) {
    add(images, i, `t${i}`);
    const began = performance.now();
    await report(client, images);
    const waiting = new Set([`web-${i}`, `web-${i + 1000}`]);
    while (waiting.size > 0) {
      const { value, done } = await watch.next();
      if (done || value === undefined) throw new Error("the watch ended");
      const { object } = value;
      if (object["spec"]?.template.spec.containers[0].image === `bench/app-${i}:t${i}`) {
        waiting.delete(object.metadata.name as string);
      }
    }
    if (i >= 10) latencies.push(performance.now() - began - gatherMs);
  }
  return {
    p50_ms: percentile(latencies, 0.5),
    p95_ms: percentile(latencies, 0.95),
    with: "the report of 1,000 images",
  };
}

/** From `docker tag` to the patched workload, with the daemon followed in the operator's process. */
async function measureDocker(client: Client) {
  const missing = dockerMissing();
  if (missing !== undefined) return { skipped: missing };
  await client.resource(nodeImages).delete(node);
  const daemon = await startDockerDaemon();
  const docker = new DockerClient({ socketPath: daemon.socket });
  try {
    const count = 30;
    const ids: string[] = [];
    for (let i = 0; i <= count; i++) ids.push(daemon.docker(["import", "-"], Buffer.alloc(1024)));
    await tagImage(docker, ids[0] as string, "bench/tagged", "t0");
    const made = { ...deployment(9999), metadata: { name: "tagged", namespace } };
    made.spec.template.spec.containers = [{ name: "c", image: "bench/tagged:t0" }];
    await client.resource(deployments).create(made);
    const env = { BENCH_IMAGES: "docker", DOCKER_HOST: `unix://${daemon.socket}` };
    const operator = await target.operator(without, env);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const { metadata } = await client.resource(deployments).get("tagged", namespace);
    const watch = client.resource(deployments).watch({
      namespace,
      fieldSelector: "metadata.name=tagged",
      resourceVersion: metadata.resourceVersion ?? "",
      timeoutSeconds: 300,
    });
    const latencies: number[] = [];
    for (let i = 1; i <= count; i++) {
      const began = performance.now();
      await tagImage(docker, ids[i] as string, "bench/tagged", `t${i}`);
      for (;;) {
        const { value, done } = await watch.next();
        if (done || value === undefined) throw new Error("the watch ended");
        if (value.object["spec"]?.template.spec.containers[0].image === `bench/tagged:t${i}`) break;
      }
      latencies.push(performance.now() - began - gatherMs);
    }
    await operator.stop();
    return { tag_to_patch: { p50_ms: percentile(latencies, 0.5), p95_ms: percentile(latencies, 0.95) } };
  } finally {
    docker.close();
    await daemon.stop();
  }
}
