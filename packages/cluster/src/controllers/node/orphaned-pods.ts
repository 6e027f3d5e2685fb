/** Deletes the pods of nodes that are no more (gcOrphaned of k8s.io/kubernetes/pkg/controller/podgc/gc_controller.go). */
import { nodes, WorkQueue } from "@podwright/client";
import type { Node, Pod } from "../../kinds.ts";
import { type Controller, type ControllerContext, isNotFound, reportTo } from "../controller.ts";
import { nodeInformer, podInformer } from "../informers.ts";
import { deleteForDisruption } from "./disrupted-pod.ts";

/** A node may come back under its name, as it does when it is set up anew. */
const quarantineMs = 40_000;

export function createOrphanedPods(context: ControllerContext): Controller {
  const { client, clock } = context;
  const nodeCache = nodeInformer(context.informers);
  const podCache = podInformer(context.informers);
  const queue = new WorkQueue({ reconcile, clock, onError: reportTo(context.logger, "pod-garbage-collector") });
  const look = ({ spec: { nodeName } }: Pod): void => {
    if (nodeName && nodeCache.get(nodeName) === undefined) queue.addAfter(nodeName, quarantineMs);
  };
  podCache.onChange({ added: look, updated: look });
  nodeCache.onChange({
    deleted: ({ metadata: { name = "" } }: Node) => {
      if (podCache.by("node", name).length > 0) queue.addAfter(name, quarantineMs);
    },
  });

  async function reconcile(name: string): Promise<void> {
    if (nodeCache.get(name) !== undefined || (await exists(name))) return;
    const reason = { reason: "DeletionByPodGC", message: "PodGC: node no longer exists", lost: true };
    for (const pod of podCache.by("node", name)) await deleteForDisruption(client, pod, clock.now(), reason);
  }

  async function exists(name: string): Promise<boolean> {
    try {
      await client.resource(nodes).get(name);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  return { start: () => queue.start(), stop: () => queue.stop() };
}
