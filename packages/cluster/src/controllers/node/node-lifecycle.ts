/**
 * Taints nodes by their state (k8s.io/kubernetes/pkg/controller/nodelifecycle/node_lifecycle_controller.go). That a node
 * has fallen silent is seen in silent-nodes.ts, which says so in its state.
 */
import { nodes, WorkQueue } from "@podwright/client";
import type { Node } from "../../kinds.ts";
import { type Controller, type ControllerContext, reportTo } from "../controller.ts";
import { nodeInformer } from "../informers.ts";
import { isReady, taintsFor } from "./node-taints.ts";

export function createNodeLifecycle(context: ControllerContext): Controller {
  const { client, clock } = context;
  const nodeClient = client.resource<Node>(nodes);
  const cache = nodeInformer(context.informers);
  const queue = new WorkQueue({ reconcile, clock, onError: reportTo(context.logger, "node-lifecycle") });
  const enqueue = ({ metadata }: Node): void => queue.add(metadata.name ?? "");
  const enqueueAll = (): void => {
    for (const node of cache.list()) enqueue(node);
  };
  cache.onChange({
    added: enqueueAll,
    updated: (node, old) => {
      // Whether all are away says something of each.
      if (isReady(node) !== isReady(old)) enqueueAll();
      else enqueue(node);
    },
    deleted: enqueueAll,
  });

  async function reconcile(name: string): Promise<void> {
    const node = cache.get(name);
    if (node === undefined) return;
    // With all nodes away pods have nowhere to go, and the trouble may be elsewhere.
    const evicts = cache.list().some(isReady);
    const taints = taintsFor(node, evicts, clock.now());
    if (taints === undefined) return;
    const { resourceVersion } = node.metadata;
    const body = { metadata: { resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } };
    await nodeClient.patch(name, undefined, body, { type: "merge" });
  }

  return { start: () => queue.start(), stop: () => queue.stop() };
}
