// `kubectl exec -- true` on docker and containerd, and with KUBEBUILDER_ASSETS on a real kubelet, all at once: each
// round asks each of them, in an order of chance, so that what else the machine does falls on all alike. Alone it
// prints JSON: `node bench/node-exec.ts`, or with names of runtimes.
import { performance } from "node:perf_hooks";
import { pods } from "@podwright/client";
import { until } from "@podwright/cluster/testing";
import { kubectlProgram } from "../conformance/kubectl.ts";
import {
  inCluster,
  isReady,
  missingOn,
  type NodeRuntime,
  type NodeTarget,
  namespace,
  openNode,
  runtimes,
  sleepingPod,
} from "./node-target.ts";
import { percentile } from "./operator-target.ts";

const warmUp = 5;
const rounds = 40;
const name = "exec";

if (import.meta.main) console.log(JSON.stringify(await measureExec(process.argv.slice(2)), null, 2));

/**
 * From the start of kubectl to its end.
 *
 * @param wanted names of runtimes; none: all that are here
 */
export async function measureExec(wanted: readonly string[]): Promise<Record<string, unknown>> {
  const chosen = runtimes.filter((runtime) => wanted.length === 0 || wanted.includes(runtime));
  const skipped = chosen.filter((runtime) => missingOn(runtime) !== undefined);
  const targets: NodeTarget[] = [];
  try {
    for (const runtime of chosen) if (!skipped.includes(runtime)) targets.push(await openWithPod(runtime));
    const times = await inTurns(targets);
    const kubelet = times.get("kubelet");
    const result: Record<string, unknown> = Object.fromEntries(
      skipped.map((runtime) => [runtime, { skipped: missingOn(runtime) }]),
    );
    for (const [runtime, each] of times) {
      const to_kubelet = kubelet && rounded(percentile(each, 0.5) / percentile(kubelet, 0.5));
      result[runtime] = {
        p50_ms: percentile(each, 0.5),
        p90_ms: percentile(each, 0.9),
        count: each.length,
        to_kubelet,
      };
    }
    return result;
  } finally {
    for (const target of targets) await target.stop();
  }
}

async function openWithPod(runtime: NodeRuntime): Promise<NodeTarget> {
  const target = await openNode(runtime);
  try {
    const ready = until(target.client, pods, name, isReady, namespace, 60);
    await target.client.resource(pods).create(sleepingPod(name));
    await ready;
    return target;
  } catch (error) {
    await target.stop();
    throw error;
  }
}

async function inTurns(targets: readonly NodeTarget[]): Promise<Map<NodeRuntime, number[]>> {
  const kubectl = await kubectlProgram();
  const times = new Map<NodeRuntime, number[]>(targets.map(({ runtime }) => [runtime, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (const target of shuffled(targets)) {
      const began = performance.now();
      await inCluster(kubectl, target, ["exec", name, "--", "true"]);
      if (round >= 0) times.get(target.runtime)?.push(performance.now() - began);
    }
  }
  return times;
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

function rounded(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}
