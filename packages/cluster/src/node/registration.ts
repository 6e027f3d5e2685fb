/** A node's Node and Lease objects (k8s.io/kubernetes/pkg/kubelet/kubelet_node_status.go). */
import { type Client, type Clock, leases, nodes, type Timer } from "@podwright/client";
import { formatMicroTime, formatTime, type KubeObject } from "@podwright/kube";
import { isAlreadyExists } from "../controllers/controller.ts";
import type { Node } from "../kinds.ts";
import { nodeStatusChange, withTransitions } from "./node-object.ts";

const leaseNamespace = "kube-node-lease";
const leaseDurationSeconds = 40;
/** The node's status is written at least this often, when there are heartbeats at all. */
const statusEveryMs = 300_000;

/** Makes the Node, or brings the status of the one that is there up to date; writes nothing when it is. */
export async function registerNode(client: Client, node: Node): Promise<Node> {
  const resource = client.resource<Node>(nodes);
  try {
    return await resource.create(node);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const name = node.metadata.name ?? "";
  const current = await resource.get(name);
  const status = nodeStatusChange(current, node);
  if (status === undefined) return current;
  return resource.patch(name, undefined, { status }, { type: "strategic", subresource: "status" });
}

/** Makes the node's Lease when there is none. */
export async function ensureLease(client: Client, node: Node, clock: Clock): Promise<void> {
  const resource = client.resource(leases);
  const name = node.metadata.name ?? "";
  const present = await resource.list({ namespace: leaseNamespace, fieldSelector: `metadata.name=${name}` });
  if (present.items.length > 0) return;
  await resource.create(leaseOf(node, clock)).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}

function leaseOf(node: Node, clock: Clock): KubeObject {
  const { name = "", uid = "" } = node.metadata;
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name,
      namespace: leaseNamespace,
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid }],
    },
    spec: { holderIdentity: name, leaseDurationSeconds, renewTime: formatMicroTime(clock.now()) },
  };
}

/**
 * Renews the Lease every `everyMs` and the status every five minutes, until stopped: without it a node lifecycle
 * controller takes the node for dead.
 */
export function startHeartbeat(
  client: Client,
  clock: Clock,
  everyMs: number,
  current: () => Node,
  failed: (error: unknown) => void,
): { stop(): Promise<void> } {
  let timer: Timer | undefined;
  let beating: Promise<void> = Promise.resolve();
  let stopped = false;
  let statusAtMs = clock.now();

  function arm(): void {
    if (stopped) return;
    timer = clock.after(everyMs, () => {
      beating = beat().catch(failed).finally(arm);
    });
  }

  async function beat(): Promise<void> {
    const node = current();
    const name = node.metadata.name ?? "";
    const lease = leaseOf(node, clock);
    await client.resource(leases).patch(name, leaseNamespace, { spec: lease["spec"] }, { type: "merge" });
    if (clock.now() - statusAtMs < statusEveryMs) return;
    const resource = client.resource<Node>(nodes);
    const lastHeartbeatTime = formatTime(clock.now());
    const status = withTransitions(await resource.get(name), node);
    const conditions = status?.conditions?.map((condition) => ({ ...condition, lastHeartbeatTime }));
    await resource.patch(
      name,
      undefined,
      { status: { ...status, conditions } },
      { type: "strategic", subresource: "status" },
    );
    statusAtMs = clock.now();
  }

  arm();
  return {
    async stop() {
      stopped = true;
      timer?.cancel();
      await beating;
    },
  };
}
