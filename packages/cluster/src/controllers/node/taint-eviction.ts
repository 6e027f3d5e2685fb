/** Deletes pods that do not tolerate their node's NoExecute taints (k8s.io/kubernetes/pkg/controller/tainteviction/taint_eviction.go). */
import { objectKey, splitKey, WorkQueue } from "@podwright/client";
import { isTolerated } from "@podwright/kube/node-selection";
import type { Node, Pod, Taint, Toleration } from "../../kinds.ts";
import { type Controller, type ControllerContext, reportTo } from "../controller.ts";
import { nodeInformer, podInformer } from "../informers.ts";
import { deleteForDisruption } from "./disrupted-pod.ts";
import { noExecuteTaints } from "./node-taints.ts";

export function createTaintEviction(context: ControllerContext): Controller {
  const { client, clock, recorder } = context;
  const nodeCache = nodeInformer(context.informers);
  const podCache = podInformer(context.informers);
  /** When it was decided that a pod has to go in time. */
  const decidedAtMs = new Map<string, number>();
  const queue = new WorkQueue({
    reconcile,
    concurrency: 8,
    clock,
    onError: reportTo(context.logger, "taint-eviction"),
  });
  const look = (pod: Pod): void => {
    if (taintsOf(pod).length > 0 || decidedAtMs.has(objectKey(pod))) queue.add(objectKey(pod));
  };
  const lookAtPodsOf = ({ metadata: { name = "" } }: Node): void => {
    for (const pod of podCache.by("node", name)) queue.add(objectKey(pod));
  };
  podCache.onChange({ added: look, updated: look, deleted: (pod) => decidedAtMs.delete(objectKey(pod)) });
  nodeCache.onChange({
    added: (node) => {
      if (noExecuteTaints(node).length > 0) lookAtPodsOf(node);
    },
    updated: (node, old) => {
      if (noExecuteTaints(node).length + noExecuteTaints(old).length > 0) lookAtPodsOf(node);
    },
  });

  function taintsOf({ spec: { nodeName } }: Pod): Taint[] {
    const node = nodeName === undefined ? undefined : nodeCache.get(nodeName);
    return node === undefined ? [] : noExecuteTaints(node);
  }

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const { namespace, name } = splitKey(key);
    const pod = podCache.get(name, namespace);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined;
    const taints = taintsOf(pod);
    const toleratedMs = taints.length === 0 ? undefined : toleranceMs(taints, pod.spec.tolerations ?? []);
    if (toleratedMs === undefined) {
      if (decidedAtMs.delete(key)) {
        recorder.event(pod, "Normal", "TaintManagerEviction", `Cancelling deletion of Pod ${key}`);
      }
      return undefined;
    }
    const atMs = decidedAtMs.get(key) ?? clock.now();
    const leftMs = atMs + toleratedMs - clock.now();
    if (leftMs > 0) {
      decidedAtMs.set(key, atMs);
      return { requeueAfterMs: leftMs };
    }
    recorder.event(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${key}`);
    await deleteForDisruption(client, pod, clock.now(), {
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
    });
    return undefined;
  }

  return { start: () => queue.start(), stop: () => queue.stop() };
}

/** How long the taints are tolerated, in milliseconds; undefined without an end. */
function toleranceMs(taints: readonly Taint[], tolerations: readonly Toleration[]): number | undefined {
  let leastMs: number | undefined;
  for (const taint of taints) {
    const matching = tolerations.filter((toleration) => isTolerated(taint, [toleration]));
    if (matching.length === 0) return 0;
    for (const { tolerationSeconds } of matching) {
      if (tolerationSeconds === undefined) continue;
      leastMs = Math.min(leastMs ?? Number.POSITIVE_INFINITY, Math.max(0, tolerationSeconds) * 1000);
    }
  }
  return leastMs;
}
