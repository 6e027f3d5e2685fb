/** Which taints a node has for its state (nodeConditionToTaintKeyStatusMap of k8s.io/kubernetes/pkg/controller/nodelifecycle/node_lifecycle_controller.go). */

import { formatTime } from "@podwright/kube";
import { unschedulableTaint } from "@podwright/kube/node-selection";
import type { Node, Taint } from "../../kinds.ts";

const notReady = "node.kubernetes.io/not-ready";
const unreachable = "node.kubernetes.io/unreachable";
const unschedulable = unschedulableTaint.key;

/** By a condition's type and status. */
const ofConditions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: notReady, Unknown: unreachable },
  MemoryPressure: { True: "node.kubernetes.io/memory-pressure" },
  DiskPressure: { True: "node.kubernetes.io/disk-pressure" },
  PIDPressure: { True: "node.kubernetes.io/pid-pressure" },
  NetworkUnavailable: { True: "node.kubernetes.io/network-unavailable" },
};

const noSchedule = new Set([unschedulable, ...Object.values(ofConditions).flatMap((keys) => Object.values(keys))]);
const noExecute = new Set([notReady, unreachable]);

export function isReady(node: Node): boolean {
  return node.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
}

/** Taints that drive pods away. */
export function noExecuteTaints(node: Node): Taint[] {
  return node.spec?.taints?.filter(({ effect }) => effect === "NoExecute") ?? [];
}

/** Whether its taints have to do with its state, as it is or as it was. */
export function hasState(node: Node): boolean {
  return wanted(node, true).length > 0 || (node.spec?.taints?.some(isOwn) ?? false);
}

/**
 * The node's taints as its state wants them, those of others among them; undefined when it has just these.
 *
 * @param evicts whether pods are to leave a node that is not ready
 */
export function taintsFor(node: Node, evicts: boolean, nowMs: number): Taint[] | undefined {
  const present = node.spec?.taints ?? [];
  const due = wanted(node, evicts);
  const kept = present.filter((taint) => !isOwn(taint) || due.some((each) => isSame(each, taint)));
  const added = due.filter((taint) => !present.some((each) => isSame(each, taint)));
  if (kept.length === present.length && added.length === 0) return undefined;
  const timeAdded = formatTime(nowMs);
  return [...kept, ...added.map((taint) => ({ ...taint, timeAdded }))];
}

function wanted(node: Node, evicts: boolean): Taint[] {
  const keys = (node.status?.conditions ?? []).flatMap(({ type, status }) => ofConditions[type]?.[status] ?? []);
  return [
    ...(node.spec?.unschedulable === true ? [unschedulable, ...keys] : keys).map((key) => ({
      key,
      effect: "NoSchedule",
    })),
    ...(evicts ? keys.filter((key) => noExecute.has(key)) : []).map((key) => ({ key, effect: "NoExecute" })),
  ];
}

function isOwn({ key, effect }: Taint): boolean {
  return effect === "NoSchedule" ? noSchedule.has(key) : effect === "NoExecute" && noExecute.has(key);
}

function isSame(a: Taint, b: Taint): boolean {
  return a.key === b.key && a.effect === b.effect;
}
