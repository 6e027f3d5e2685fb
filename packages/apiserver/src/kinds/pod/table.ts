import type { KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn, wideColumn } from "../../resources/columns.ts";
import { ageOf } from "../../resources/human-duration.ts";
import type { TableConvertor } from "../../resources/resource.ts";
import type { Struct } from "../kind.ts";

/** The columns of pods (k8s.io/kubernetes/pkg/printers/internalversion/printers.go, printPod). */
export const podTable: TableConvertor = {
  columns: [
    nameColumn,
    column("Ready", "Ready containers of all that should run."),
    column("Status", "What the pod is doing, or what keeps it from it."),
    column("Restarts", "How often containers were restarted, and when last."),
    ageColumn,
    wideColumn("IP", "The pod's address."),
    wideColumn("Node", "The node the pod runs on."),
    wideColumn("Nominated Node", "The node where room is being made for the pod."),
    wideColumn("Readiness Gates", "Readiness gates that are true, of all."),
  ],
  cells(pod, nowMs) {
    const { ready, total, reason, restarts, lastRestart } = summarize(pod);
    const spec = pod["spec"] ?? {};
    const status = pod["status"] ?? {};
    return [
      pod.metadata.name ?? "",
      `${ready}/${total}`,
      reason,
      restarts > 0 && lastRestart > 0
        ? `${restarts} (${ageOf(new Date(lastRestart).toISOString(), nowMs)} ago)`
        : String(restarts),
      age(pod, nowMs),
      status.podIPs?.[0]?.ip || "<none>",
      spec.nodeName || "<none>",
      status.nominatedNodeName || "<none>",
      readinessGates(pod),
    ];
  },
};

interface Summary {
  ready: number;
  total: number;
  reason: string;
  restarts: number;
  /** ms; 0 when no container ended before. */
  lastRestart: number;
}

function summarize(pod: KubeObject): Summary {
  const status: Struct = pod["status"] ?? {};
  const initContainers = new Map<string, Struct>(
    (pod["spec"]?.initContainers ?? []).map((container: Struct) => [container["name"], container]),
  );
  const isSidecar = (name: string) => initContainers.get(name)?.["restartPolicy"] === "Always";
  const sidecars = [...initContainers.keys()].filter(isSidecar);

  const summary: Summary = {
    ready: 0,
    total: (pod["spec"]?.containers?.length ?? 0) + sidecars.length,
    reason: status["reason"] || status["phase"] || "",
    restarts: 0,
    lastRestart: 0,
  };
  for (const condition of status["conditions"] ?? []) {
    if (condition.type === "PodScheduled" && condition.reason === "SchedulingGated") summary.reason = "SchedulingGated";
  }

  const initializing = summarizeInitContainers(summary, status, initContainers.size, isSidecar);
  if (!initializing || hasCondition(status, "Initialized")) summarizeContainers(summary, status, isSidecar);

  if (pod.metadata.deletionTimestamp !== undefined) {
    if (status["reason"] === "NodeLost") summary.reason = "Unknown";
    else if (status["phase"] !== "Succeeded" && status["phase"] !== "Failed") summary.reason = "Terminating";
  }
  return summary;
}

/** Goes through the init containers up to the first that is not done; true when there is one. */
function summarizeInitContainers(
  summary: Summary,
  status: Struct,
  count: number,
  isSidecar: (name: string) => boolean,
): boolean {
  const containers: Struct[] = status["initContainerStatuses"] ?? [];
  for (const [index, container] of containers.entries()) {
    summary.restarts += container["restartCount"] ?? 0;
    summary.lastRestart = Math.max(summary.lastRestart, lastEnd(container));
    const { terminated, waiting } = container["state"] ?? {};
    if (terminated?.exitCode === 0) continue;
    if (isSidecar(container["name"]) && container["started"]) {
      if (container["ready"]) summary.ready++;
      continue;
    }
    if (terminated !== undefined) summary.reason = `Init:${terminationReason(terminated)}`;
    else if (waiting?.reason && waiting.reason !== "PodInitializing") summary.reason = `Init:${waiting.reason}`;
    else summary.reason = `Init:${index}/${count}`;
    return true;
  }
  return false;
}

function summarizeContainers(summary: Summary, status: Struct, isSidecar: (name: string) => boolean): void {
  summary.restarts = 0;
  summary.lastRestart = 0;
  for (const container of status["initContainerStatuses"] ?? []) {
    if (!isSidecar(container.name)) continue;
    summary.restarts += container.restartCount ?? 0;
    summary.lastRestart = Math.max(summary.lastRestart, lastEnd(container));
  }

  let running = false;
  let errorReason = "";
  const containers: Struct[] = status["containerStatuses"] ?? [];
  for (const container of containers.toReversed()) {
    summary.restarts += container["restartCount"] ?? 0;
    summary.lastRestart = Math.max(summary.lastRestart, lastEnd(container));
    const { waiting, terminated, running: runs } = container["state"] ?? {};
    if (waiting?.reason) {
      summary.reason = waiting.reason;
    } else if (terminated !== undefined) {
      summary.reason = terminationReason(terminated);
      if (terminated.exitCode !== 0) errorReason = summary.reason;
    } else if (container["ready"] && runs !== undefined) {
      running = true;
      summary.ready++;
    }
  }
  // One container has ended well, which says nothing of the others.
  if (summary.reason === "Completed") {
    if (running && hasCondition(status, "Ready")) summary.reason = "Running";
    else if (errorReason !== "") summary.reason = errorReason;
    else if (running) summary.reason = "NotReady";
  }
}

function terminationReason(terminated: Struct): string {
  if (terminated["reason"]) return terminated["reason"];
  return terminated["signal"] ? `Signal:${terminated["signal"]}` : `ExitCode:${terminated["exitCode"] ?? 0}`;
}

function lastEnd(container: Struct): number {
  const finishedAt = container["lastState"]?.terminated?.finishedAt;
  return finishedAt ? Date.parse(finishedAt) : 0;
}

function hasCondition(status: Struct, type: string): boolean {
  return (status["conditions"] ?? []).some(
    (condition: Struct) => condition["type"] === type && condition["status"] === "True",
  );
}

function readinessGates(pod: KubeObject): string {
  const gates: Struct[] = pod["spec"]?.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  return `${gates.filter((gate) => hasCondition(pod["status"] ?? {}, gate["conditionType"])).length}/${gates.length}`;
}
