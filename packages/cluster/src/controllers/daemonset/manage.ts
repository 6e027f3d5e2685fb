/** One pod on each node that wants one (k8s.io/kubernetes/pkg/controller/daemon/daemon_controller.go, manage). */
import type { Node, Pod } from "../../kinds.ts";
import { isPodAvailable, isPodReady, isPodTerminal } from "../../pods.ts";
import { revisionHashLabel } from "../controller-revisions.ts";
import type { DaemonSet } from "./daemon-set.ts";
import { allowsSurge } from "./limits.ts";
import { nodeNameOf, placementOn } from "./placement.ts";

/** One pass over a DaemonSet: what is known. */
export interface DaemonPass {
  set: DaemonSet;
  nodes: readonly Node[];
  /** What the set controls, by the node it is on or meant for; oldest first. */
  podsByNode: ReadonlyMap<string, Pod[]>;
  /** Of the current template. */
  hash: string;
  nowMs: number;
  event(type: "Normal" | "Warning", reason: string, message: string): void;
  /** How long the failed pod of a node is to be left alone, in milliseconds; 0 when it may go now. */
  failedPodDelayMs(nodeName: string): number;
}

export interface Changes {
  createOn: string[];
  remove: Pod[];
  /** When something that has to wait may be done, in milliseconds from now. */
  againAfterMs?: number;
}

/** Pods by node, oldest first; those that are bound come before those that are not. What has ended and goes is gone. */
export function groupByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const groups = new Map<string, Pod[]>();
  for (const pod of pods) {
    const name = nodeNameOf(pod);
    if (name === undefined || (isTerminating(pod) && isPodTerminal(pod))) continue;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [pod]);
    else group.push(pod);
  }
  for (const group of groups.values()) group.sort(byAge);
  return groups;
}

function byAge(a: Pod, b: Pod): number {
  const bound = (pod: Pod): number => (pod.spec.nodeName ? 0 : 1);
  if (bound(a) !== bound(b)) return bound(a) - bound(b);
  const [timeA, timeB] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
  if (timeA !== timeB) return timeA < timeB ? -1 : 1;
  return (a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1;
}

/** What to create and delete, whatever rollout there is. */
export function missingAndSurplus(pass: DaemonPass): Changes {
  const changes: Changes = { createOn: [], remove: [] };
  const known = new Set<string>();
  for (const node of pass.nodes) {
    known.add(node.metadata.name ?? "");
    forNode(pass, node, changes);
  }
  // Nobody would ever schedule those, and nobody else would delete them.
  for (const [name, group] of pass.podsByNode) {
    if (!known.has(name)) changes.remove.push(...group.filter((pod) => !pod.spec.nodeName && !isTerminating(pod)));
  }
  return changes;
}

function forNode(pass: DaemonPass, node: Node, changes: Changes): void {
  const name = node.metadata.name ?? "";
  const { run, stay } = placementOn(pass.set, node);
  const pods = pass.podsByNode.get(name);
  if (pods === undefined) {
    if (run) changes.createOn.push(name);
    return;
  }
  if (!stay) {
    changes.remove.push(...pods.filter((pod) => !isTerminating(pod)));
    return;
  }
  const running = pods.filter((pod) => !isTerminating(pod) && !removeEnded(pass, name, pod, changes));
  if (!allowsSurge(pass.set)) {
    changes.remove.push(...running.slice(1));
    return;
  }
  if (running.length === 0 && run) changes.createOn.push(name);
  if (running.length > 1) changes.remove.push(...surplusOfSurge(pass, running));
}

/** A pod that has ended is replaced. True when the pod has ended, even if it is not removed yet. */
function removeEnded(pass: DaemonPass, nodeName: string, pod: Pod, changes: Changes): boolean {
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  if (pod.status?.phase === "Failed") {
    const delayMs = pass.failedPodDelayMs(nodeName);
    if (delayMs > 0) {
      changes.againAfterMs = Math.min(changes.againAfterMs ?? delayMs, delayMs);
      return true;
    }
    const message = `Found failed daemon pod ${name} on node ${nodeName}, will try to kill it`;
    pass.event("Warning", "FailedDaemonPod", message);
    changes.remove.push(pod);
    return true;
  }
  if (pod.status?.phase !== "Succeeded") return false;
  const message = `Found succeeded daemon pod ${name} on node ${nodeName}, will try to delete it`;
  pass.event("Normal", "SucceededDaemonPod", message);
  changes.remove.push(pod);
  return true;
}

/** Of a node at most the oldest new pod and the oldest old one stay, the old one until the new one can do its work. */
function surplusOfSurge({ set, hash, nowMs }: DaemonPass, running: readonly Pod[]): Pod[] {
  const isNew = (pod: Pod): boolean => pod.metadata.labels?.[revisionHashLabel] === hash;
  const newest = running.find(isNew);
  const old = running.find((pod) => !isNew(pod));
  const surplus = running.filter((pod) => pod !== newest && pod !== old);
  if (newest !== undefined && old !== undefined) {
    const replaced = !isPodReady(old) || isPodAvailable(newest, set.spec.minReadySeconds ?? 0, nowMs);
    if (replaced) surplus.push(old);
  }
  return surplus;
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}
