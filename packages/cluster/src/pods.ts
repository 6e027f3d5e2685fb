/** What can be said of a pod from its object alone (k8s.io/kubernetes/pkg/api/v1/pod/util.go). */
import type { Condition, Container, Pod } from "./kinds.ts";

export function podCondition(pod: Pod, type: string): Condition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, "Ready")?.status === "True";
}

/** Ready for at least `minReadySeconds` at the time `nowMs`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const ready = podCondition(pod, "Ready");
  if (ready?.status !== "True") return false;
  if (minReadySeconds === 0) return true;
  return ready.lastTransitionTime != null && Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 <= nowMs;
}

/** Succeeded or Failed: no container of it will run again. */
export function isPodTerminal(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** Neither terminal nor being deleted: it counts as a replica. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** An init container that stays: restartPolicy Always. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

/** "name_namespace(uid)", as the kubelet names pods in messages. */
export function describePod(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
}
