/**
 * Notices nodes that have fallen silent: that renew no Lease and post no status (monitorNodeHealth of
 * k8s.io/kubernetes/pkg/controller/nodelifecycle/node_lifecycle_controller.go). What their conditions then say is
 * acted upon elsewhere: by taints, and by what evicts pods.
 */
import { type Client, leases, nodes, pods, WorkQueue } from "@podwright/client";
import { formatTime, type KubeObject } from "@podwright/kube";
import type { Condition, Node, Pod } from "../../kinds.ts";
import { podCondition } from "../../pods.ts";
import { type Controller, type ControllerContext, isLostRace, reportTo } from "../controller.ts";
import { nodeInformer, podInformer } from "../informers.ts";

/** The defaults of kube-controller-manager's --node-monitor-grace-period and, for those that never said anything, --node-startup-grace-period. */
const graceMs = { monitor: 50_000, startup: 60_000 };
const leaseNamespace = "kube-node-lease";
const kubeletsConditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

type NodeCondition = Condition & { lastHeartbeatTime?: string };
type Lease = KubeObject & { spec?: { renewTime?: string } };

interface Heard {
  /** When something was last heard of it, by this process's clock: those of nodes may be wrong. */
  atMs: number;
  heartbeat: string | undefined;
  renewedAtMs: number;
  /** It is looked at again when it may have been silent for too long. */
  isAwaited: boolean;
  /** It has fallen silent, and its pods have yet to say so. */
  marksPods: boolean;
}

/** @param isOwn whether a node is run by this process: those are heard of in other ways. */
export function createSilentNodes(context: ControllerContext, isOwn: (node: string) => boolean): Controller {
  const { client, clock, recorder, informers } = context;
  const nodeCache = nodeInformer(informers);
  const podCache = podInformer(informers);
  const leaseCache = informers.for<Lease>(leases, { namespace: leaseNamespace });
  const known = new Map<string, Heard>();
  const queue = new WorkQueue({
    reconcile,
    concurrency: 8,
    clock,
    onError: reportTo(context.logger, "silent-nodes"),
  });

  function look(name: string, heard: Heard): void {
    if (heard.isAwaited) return;
    heard.isAwaited = true;
    queue.add(name);
  }

  function seeNode(node: Node): void {
    const { name = "", creationTimestamp } = node.metadata;
    if (isOwn(name)) return;
    const ready = conditionOf(node, "Ready");
    const heartbeat = ready?.lastHeartbeatTime;
    let heard = known.get(name);
    if (heard === undefined) {
      const atMs = ready === undefined ? Date.parse(creationTimestamp ?? "") : clock.now();
      heard = { atMs, heartbeat, renewedAtMs: Number.NEGATIVE_INFINITY, isAwaited: false, marksPods: false };
      known.set(name, heard);
      const lease = leaseCache.get(name, leaseNamespace);
      if (lease !== undefined) seeLease(lease);
    } else if (heartbeat !== heard.heartbeat) {
      // From its first word on it has less time.
      if (heard.heartbeat === undefined) heard.isAwaited = false;
      heard.heartbeat = heartbeat;
      heard.atMs = clock.now();
    }
    look(name, heard);
  }

  function seeLease({ metadata: { name = "" }, spec }: Lease): void {
    const heard = known.get(name);
    const renewedAtMs = Date.parse(spec?.renewTime ?? "");
    if (heard === undefined || !(renewedAtMs > heard.renewedAtMs)) return;
    heard.renewedAtMs = renewedAtMs;
    heard.atMs = clock.now();
    look(name, heard);
  }

  nodeCache.onChange({
    added: seeNode,
    updated: seeNode,
    deleted: ({ metadata: { name = "" } }) => known.delete(name),
  });
  leaseCache.onChange({ added: seeLease, updated: seeLease });

  async function reconcile(name: string): Promise<{ requeueAfterMs: number } | undefined> {
    const node = nodeCache.get(name);
    const heard = known.get(name);
    if (node === undefined || heard === undefined) return undefined;
    const ready = conditionOf(node, "Ready");
    const leftMs = heard.atMs + (ready === undefined ? graceMs.startup : graceMs.monitor) - clock.now();
    if (leftMs >= 0) return { requeueAfterMs: leftMs + 1 };
    // From here on it is looked at again when something is heard.
    heard.isAwaited = false;
    if (await tellUnknown(client, node, clock.now())) {
      heard.marksPods = ready?.status === "True";
      if (heard.marksPods) recorder.event(node, "Normal", "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
    }
    if (!heard.marksPods) return undefined;
    for (const pod of podCache.by("node", name)) {
      if (!(await markNotReady(client, pod, clock.now()))) continue;
      recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready");
    }
    heard.marksPods = false;
    return undefined;
  }

  return { start: () => queue.start(), stop: () => queue.stop() };
}

function conditionOf(node: Node, type: string): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type);
}

/** What a kubelet says of its node nobody knows any more. False when the node says so already. */
async function tellUnknown(client: Client, node: Node, nowMs: number): Promise<boolean> {
  const { name = "", resourceVersion, creationTimestamp } = node.metadata;
  const unknown = { status: "Unknown", lastTransitionTime: formatTime(nowMs) };
  const stopped = { reason: "NodeStatusUnknown", message: "Kubelet stopped posting node status." };
  const never = { reason: "NodeStatusNeverUpdated", message: "Kubelet never posted node status." };
  const conditions = kubeletsConditions.flatMap((type) => {
    const present = conditionOf(node, type);
    if (present === undefined) return [{ type, ...unknown, ...never, lastHeartbeatTime: creationTimestamp }];
    return present.status === "Unknown" ? [] : [{ type, ...unknown, ...stopped }];
  });
  if (!conditions.some(({ type }) => type === "Ready")) return false;
  const change = { metadata: { resourceVersion }, status: { conditions } };
  await client.resource(nodes).patch(name, undefined, change, { type: "strategic", subresource: "status" });
  return true;
}

/** False when the pod does not say that it is ready, or is gone. */
async function markNotReady(client: Client, pod: Pod, nowMs: number): Promise<boolean> {
  const ready = podCondition(pod, "Ready");
  if (ready === undefined || ready.status === "False") return false;
  const { name = "", namespace, uid } = pod.metadata;
  const condition = { type: "Ready", status: "False", lastTransitionTime: formatTime(nowMs) };
  const change = { metadata: { uid }, status: { conditions: [condition] } };
  try {
    await client.resource(pods).patch(name, namespace, change, { type: "strategic", subresource: "status" });
    return true;
  } catch (error) {
    if (isLostRace(error)) return false;
    throw error;
  }
}
