/** Conditions of a pod as the kubelet sets them (k8s.io/kubernetes/pkg/kubelet/status/generate.go). */
import type { Condition, Pod, PodStatus } from "../kinds.ts";
import type { ContainerRecord } from "./container-record.ts";

type Verdict = Pick<Condition, "status" | "reason" | "message">;

const fine: Verdict = { status: "True" };

/** The kubelet's conditions, without times. `hasSandbox`: the pod's network is there. */
export function podConditions(
  pod: Pod,
  records: readonly ContainerRecord[],
  phase: PodStatus["phase"],
  hasSandbox: boolean,
): ({ type: string } & Verdict)[] {
  const containersReady = containersReadyVerdict(records, phase);
  return [
    { type: "PodReadyToStartContainers", status: hasSandbox ? "True" : "False" },
    { type: "Initialized", ...initializedVerdict(records, phase) },
    { type: "Ready", ...readyVerdict(pod, containersReady) },
    { type: "ContainersReady", ...containersReady },
    { type: "PodScheduled", ...fine },
  ];
}

function containersReadyVerdict(records: readonly ContainerRecord[], phase: PodStatus["phase"]): Verdict {
  if (phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const unready = records.filter((record) => (record.role === "main" || record.role === "sidecar") && !record.ready);
  if (unready.length === 0) return fine;
  return {
    status: "False",
    reason: "ContainersNotReady",
    message: `containers with unready status: ${goList(unready)}`,
  };
}

function initializedVerdict(records: readonly ContainerRecord[], phase: PodStatus["phase"]): Verdict {
  if (phase === "Succeeded") return { status: "True", reason: "PodCompleted" };
  const anyMainStarted = records.some(
    (record) => record.role === "main" && (record.condition.type !== "waiting" || record.previous !== undefined),
  );
  if (anyMainStarted) return fine;
  const incomplete = records.filter(
    (record) => (record.role === "init" && !record.ready) || (record.role === "sidecar" && !record.started),
  );
  if (incomplete.length === 0) return fine;
  return {
    status: "False",
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: ${goList(incomplete)}`,
  };
}

function readyVerdict(pod: Pod, containersReady: Verdict): Verdict {
  if (containersReady.status !== "True") return containersReady;
  const messages: string[] = [];
  for (const { conditionType } of pod.spec.readinessGates ?? []) {
    const condition = pod.status?.conditions?.find((candidate) => candidate.type === conditionType);
    if (condition === undefined) {
      messages.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    } else if (condition.status !== "True") {
      messages.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`);
    }
  }
  return messages.length === 0
    ? fine
    : { status: "False", reason: "ReadinessGatesNotReady", message: messages.join(", ") };
}

/** "[a b]", as Go prints a list of texts. */
function goList(records: readonly ContainerRecord[]): string {
  return `[${records.map((record) => record.name).join(" ")}]`;
}
