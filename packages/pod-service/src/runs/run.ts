import type { JsonObject, KubeObject } from "@podwright/kube";
import { acceptedAnnotation, templateLabel, tenantLabel } from "./names.ts";

export const phases = ["Queued", "Pending", "Running", "Succeeded", "Failed", "Deleted", "Lost"] as const;
export type Phase = (typeof phases)[number];

/** What the service says of a run. Times are ISO 8601. */
export interface Run {
  name: string;
  tenant: string;
  namespace: string;
  template: string;
  kind: "Pod" | "Job";
  /** Deleted: it went before it was done. Lost: it went while the service was away. */
  phase: Phase;
  /** Of those of the tenant that wait, from 1. */
  position?: number;
  exitCode?: number;
  reason?: string;
  message?: string;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  node?: string;
  /** The pod, where the run is a Job. */
  pod?: string;
  uid?: string;
}

const finished = new Set<Phase>(["Succeeded", "Failed", "Deleted", "Lost"]);

export function isFinished(phase: Phase): boolean {
  return finished.has(phase);
}

/** A run as its Pod, or its Job and the Job's newest pod, show it. */
export function runOf(object: KubeObject, jobPod?: KubeObject): Run {
  const { metadata } = object;
  const isJob = object.kind === "Job";
  const pod = isJob ? jobPod : object;
  const createdAt = metadata.annotations?.[acceptedAnnotation] ?? metadata.creationTimestamp ?? "";
  return {
    name: metadata.name as string,
    tenant: metadata.labels?.[tenantLabel] ?? "",
    namespace: metadata.namespace as string,
    template: metadata.labels?.[templateLabel] ?? "",
    kind: isJob ? "Job" : "Pod",
    ...(isJob ? jobState(object, pod) : podState(object)),
    createdAt,
    ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
    ...(isJob && pod?.metadata.name !== undefined ? { pod: pod.metadata.name } : {}),
    ...(pod?.["spec"]?.nodeName === undefined ? {} : { node: pod["spec"].nodeName }),
  };
}

type State = Pick<Run, "phase" | "exitCode" | "reason" | "message" | "startedAt" | "finishedAt">;

interface Terminated {
  exitCode?: number;
  reason?: string;
  message?: string;
  startedAt?: string;
  finishedAt?: string;
}

function podState(pod: KubeObject): State {
  const status = (pod["status"] ?? {}) as JsonObject & { phase?: string; reason?: string; message?: string };
  const containers = (status["containerStatuses"] ?? []) as { state?: JsonObject; lastState?: JsonObject }[];
  const phase = phaseOf(status.phase);
  const startedAt = earliest(containers);
  if (phase === "Succeeded" || phase === "Failed") {
    const ends = containers.flatMap(({ state }) => (state?.["terminated"] ? [state["terminated"] as Terminated] : []));
    // The container that went wrong says more than the others.
    const end = ends.find(({ exitCode }) => exitCode !== 0) ?? ends[0];
    const finishedAt = ends
      .map((each) => each.finishedAt ?? "")
      .sort()
      .at(-1);
    return {
      phase,
      ...optional("exitCode", end?.exitCode),
      ...optional("reason", status.reason ?? end?.reason),
      ...optional("message", status.message ?? end?.message),
      ...optional("startedAt", startedAt ?? text(status["startTime"])),
      ...optional("finishedAt", finishedAt || undefined),
    };
  }
  const waiting = containers.map(({ state }) => state?.["waiting"] as Terminated | undefined).find(Boolean);
  const unscheduled = ((status["conditions"] ?? []) as JsonObject[]).find(
    ({ type, status: value }) => type === "PodScheduled" && value === "False",
  ) as { reason?: string; message?: string } | undefined;
  const why = pod.metadata.deletionTimestamp === undefined ? (waiting ?? unscheduled) : { reason: "Terminating" };
  return {
    phase,
    ...optional("reason", why?.reason ?? status.reason),
    ...optional("message", why?.message ?? status.message),
    ...optional("startedAt", phase === "Running" ? startedAt : undefined),
  };
}

function jobState(job: KubeObject, pod: KubeObject | undefined): State {
  const status = (job["status"] ?? {}) as JsonObject;
  const conditions = (status["conditions"] ?? []) as {
    type: string;
    status: string;
    reason?: string;
    message?: string;
    lastTransitionTime?: string;
  }[];
  const end = conditions.find(
    ({ type, status: value }) => (type === "Complete" || type === "Failed") && value === "True",
  );
  const ofPod = pod === undefined ? undefined : podState(pod);
  const startedAt = ofPod?.startedAt ?? text(status["startTime"]);
  if (end !== undefined) {
    return {
      phase: end.type === "Complete" ? "Succeeded" : "Failed",
      ...optional("exitCode", ofPod?.exitCode),
      ...optional("reason", end.type === "Complete" ? (ofPod?.reason ?? end.reason) : (end.reason ?? ofPod?.reason)),
      ...optional("message", end.type === "Failed" ? end.message : undefined),
      ...optional("startedAt", startedAt),
      ...optional("finishedAt", text(status["completionTime"]) ?? ofPod?.finishedAt ?? end.lastTransitionTime),
    };
  }
  if (ofPod === undefined) return { phase: "Pending" };
  // A pod that ended is not the Job's end: it may be tried again.
  const { phase, exitCode, finishedAt, ...rest } = ofPod;
  return isFinished(phase) ? { ...rest, ...optional("exitCode", exitCode), phase: "Running" } : { ...rest, phase };
}

function phaseOf(phase: string | undefined): Phase {
  return phase === "Running" || phase === "Succeeded" || phase === "Failed" ? phase : "Pending";
}

function earliest(containers: readonly { state?: JsonObject }[]): string | undefined {
  const times = containers.flatMap(({ state }) => {
    const of = (state?.["running"] ?? state?.["terminated"]) as Terminated | undefined;
    return of?.startedAt ? [of.startedAt] : [];
  });
  return times.sort()[0];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function optional<K extends string, V>(name: K, value: V | undefined): { [key in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [key in K]?: V };
}
