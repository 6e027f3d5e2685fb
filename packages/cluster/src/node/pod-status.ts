import type { Condition, Pod, PodStatus } from "../kinds.ts";
import { formatTime } from "../times.ts";
import { type ContainerRecord, containerStatus } from "./container-record.ts";
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
  const statuses = (main: boolean) =>
    records
      .filter((record) => (record.role === "main") === main)
      .map((record) => containerStatus(pod, record, facts.runtimeName));
  const initStatuses = statuses(false);
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: podConditions(pod, records, phase, facts.hasSandbox).map((condition) => timed(condition, facts)),
    ...(failure ?? {}),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp === undefined ? {} : { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime: formatTime(facts.startedAtMs),
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses(true).sort((a, b) => (a.name < b.name ? -1 : 1)),
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
