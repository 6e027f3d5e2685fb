import { formatTime } from "@podwright/kube";
import type { Condition, Pod, PodStatus } from "../kinds.ts";
import type { ContainerRecord } from "./container-record.ts";
import { containerStatus } from "./container-status.ts";
import { podConditions } from "./pod-conditions.ts";
import { podPhase } from "./pod-phase.ts";

/** All that a pod's status is made from. */
export interface PodFacts {
  pod: Pod;
  records: readonly ContainerRecord[];
  runtimeName: string;
  hostIp: string;
  podIp: string | undefined;
  hasSandbox: boolean;
  startedAtMs: number;
  /** Nothing of the pod will be started any more. */
  stopped: boolean;
  /** Ended by the agent, not by its containers: refused, or past its deadline. */
  failure: { reason: string; message: string } | undefined;
  /** Of a change of resources that is not through. */
  resizeConditions: readonly Pick<Condition, "type" | "status" | "reason" | "message">[];
  /** The conditions that were last set: their times stay as long as their status does. */
  conditions: readonly Condition[];
  nowMs: number;
}

/**
 * The status that the agent reports for the pod (kubelet_pods.go, generateAPIPodStatus): its own fields only, and
 * of the conditions its own.
 */
export function podStatus(facts: PodFacts): PodStatus {
  const { pod, records, failure, hostIp } = facts;
  const { generation } = pod.metadata;
  const phase = failure === undefined ? podPhase(pod, records, facts.stopped) : "Failed";
  const podIp = pod.spec.hostNetwork ? hostIp : facts.podIp;
  const statuses = (...roles: ContainerRecord["role"][]) =>
    records.filter(({ role }) => roles.includes(role)).map((record) => containerStatus(pod, record, facts.runtimeName));
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  const initStatuses = statuses("init", "sidecar");
  const ephemeralStatuses = statuses("ephemeral").sort(byName);
  const conditions = [...facts.resizeConditions, ...podConditions(pod, records, phase, facts.hasSandbox)];
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: conditions.map((condition) => timed(condition, facts)),
    ...(failure ?? {}),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp === undefined ? {} : { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime: formatTime(facts.startedAtMs),
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses("main").sort(byName),
    ...(ephemeralStatuses.length > 0 ? { ephemeralContainerStatuses: ephemeralStatuses } : {}),
  };
}

/** The status of a pod that the node does not take (kubelet.go, rejectPod). */
export function rejectedStatus(pod: Pod, reason: string, message: string, nowMs: number): PodStatus {
  const { generation } = pod.metadata;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase: "Failed",
    reason,
    message: `Pod was rejected: ${message}`,
    startTime: formatTime(nowMs),
  };
}

function timed(
  condition: Pick<Condition, "type" | "status" | "reason" | "message">,
  { pod, conditions, nowMs }: PodFacts,
): Condition {
  const before = conditions.find((candidate) => candidate.type === condition.type);
  const { generation } = pod.metadata;
  return {
    ...condition,
    lastTransitionTime:
      before?.status === condition.status && before.lastTransitionTime ? before.lastTransitionTime : formatTime(nowMs),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}
