import type { Pod, PodStatus } from "../kinds.ts";
import { type ContainerRecord, containerOf, lastEnd } from "./container-record.ts";

/** Will a container with that end be started again? */
export function restarts(pod: Pod, record: ContainerRecord, exitCode: number): boolean {
  if (record.role === "sidecar") return true;
  if (record.role === "ephemeral") return false;
  const { restartPolicy, restartPolicyRules = [] } = containerOf(pod, record);
  // Init containers that have succeeded are done, whatever the policy.
  if (record.role === "init" && exitCode === 0) return false;
  if (restartPolicyRules.some((rule) => ruleApplies(rule, exitCode))) return true;
  const policy = restartPolicy ?? pod.spec.restartPolicy ?? "Always";
  if (record.role === "init") return policy !== "Never";
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

function ruleApplies(
  { action, exitCodes }: { action: string; exitCodes?: { operator: "In" | "NotIn"; values?: number[] } },
  exitCode: number,
): boolean {
  if (action !== "Restart" || exitCodes === undefined) return false;
  return (exitCodes.values ?? []).includes(exitCode) === (exitCodes.operator === "In");
}

/** All main containers have ended for good, or initialisation has: sidecars need not run any more. */
export function isDone(pod: Pod, records: readonly ContainerRecord[]): boolean {
  const endedForGood = (record: ContainerRecord): boolean =>
    record.condition.type === "ended" && !restarts(pod, record, record.condition.exit.exitCode);
  const failedInit = records.some(
    (record) =>
      record.role === "init" &&
      record.condition.type === "ended" &&
      record.condition.exit.exitCode !== 0 &&
      endedForGood(record),
  );
  return failedInit || records.every((record) => record.role !== "main" || endedForGood(record));
}

/**
 * The phase that the containers add up to (k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go, getPhase).
 *
 * @param stopped nothing of the pod will be started any more.
 */
export function podPhase(
  pod: Pod,
  records: readonly ContainerRecord[],
  stopped: boolean,
): NonNullable<PodStatus["phase"]> {
  let pendingInit = 0;
  let pendingSidecars = 0;
  let running = 0;
  let waiting = 0;
  let ended = 0;
  let succeeded = 0;
  let endedForGood = 0;
  let initialized = false;
  for (const record of records) {
    const { role } = record;
    if (role === "ephemeral") continue;
    const runs = record.condition.type === "running" && !record.hooking;
    if (role === "init") {
      const end = runs ? undefined : lastEnd(record);
      if (end === undefined) pendingInit++;
      else if (end.exit.exitCode !== 0 && !restarts(pod, record, end.exit.exitCode)) return "Failed";
      else if (end.exit.exitCode !== 0) pendingInit++;
      continue;
    }
    if (runs) {
      running++;
      if (role === "sidecar" && !record.started) pendingSidecars++;
      if (role === "main") initialized = true;
      continue;
    }
    const end = lastEnd(record);
    if (role === "sidecar") {
      if (end === undefined) {
        pendingSidecars++;
        waiting++;
      }
      continue;
    }
    if (end === undefined) {
      waiting++;
      continue;
    }
    initialized = true;
    ended++;
    if (end.exit.exitCode === 0) succeeded++;
    if (!restarts(pod, record, end.exit.exitCode)) endedForGood++;
  }
  if (pendingInit > 0 || (pendingSidecars > 0 && !initialized) || waiting > 0) return "Pending";
  if (running > 0) return "Running";
  if (ended === 0) return "Pending";
  if (!stopped && ended !== endedForGood) return "Running";
  return ended === succeeded ? "Succeeded" : "Failed";
}
