import { createHash } from "node:crypto";
import { arch, release } from "node:os";
import { formatTime } from "@podwright/kube";
import type { Condition, Node } from "../kinds.ts";

/** The version the nodes say they are of. */
const kubeletVersion = "v1.35.4";

export interface NodeFacts {
  name: string;
  /** Its address. */
  ip: string;
  podCidr: string;
  capacity: Record<string, string>;
  labels: Record<string, string>;
  /** "simulated://0.1.0" */
  runtime: string;
  /** Where its kubelet listens, when it does. */
  kubelet?: { host: string; port: number };
}

/** The Node as the kubelet registers itself: named, measured and ready (k8s.io/kubernetes/pkg/kubelet/nodestatus). */
export function nodeObject(facts: NodeFacts, nowMs: number): Node {
  const architecture = arch() === "x64" ? "amd64" : arch();
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: facts.name,
      labels: {
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": facts.name,
        "kubernetes.io/os": "linux",
        ...facts.labels,
      },
      annotations: { "podwright.dev/runtime": facts.runtime },
    },
    spec: { podCIDR: facts.podCidr, podCIDRs: [facts.podCidr] },
    status: {
      addresses: [
        { type: "InternalIP", address: facts.ip },
        // API servers take this one first to reach the kubelet.
        { type: "Hostname", address: facts.kubelet?.host ?? facts.name },
      ],
      // Servers say 0 where nothing is said.
      daemonEndpoints: { kubeletEndpoint: { Port: facts.kubelet?.port ?? 0 } },
      allocatable: { ...facts.capacity },
      capacity: { ...facts.capacity },
      conditions: nodeConditions(nowMs),
      nodeInfo: {
        architecture,
        bootID: stableUuid(`boot ${facts.name}`),
        containerRuntimeVersion: facts.runtime,
        kernelVersion: release(),
        kubeProxyVersion: "",
        kubeletVersion,
        machineID: stableUuid(`machine ${facts.name}`).replaceAll("-", ""),
        operatingSystem: "linux",
        osImage: "Podwright",
        systemUUID: stableUuid(`system ${facts.name}`),
      },
    },
  };
}

/** A healthy node's conditions, as of now. */
function nodeConditions(nowMs: number): Condition[] {
  const now = formatTime(nowMs);
  const condition = (type: string, status: "True" | "False", reason: string, message: string) => ({
    type,
    status,
    lastHeartbeatTime: now,
    lastTransitionTime: now,
    reason,
    message,
  });
  return [
    condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    { ...condition("Ready", "True", "", ""), ...ready(undefined) },
  ];
}

/** The condition Ready, without times (kubelet/nodestatus/setters.go). @param problem of the runtime, if it has one. */
export function ready(problem: string | undefined): Pick<Condition, "type" | "status" | "reason" | "message"> {
  if (problem !== undefined) return { type: "Ready", status: "False", reason: "KubeletNotReady", message: problem };
  return { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" };
}

/** The status that makes the node on the server what it is now, or undefined when it is that already. */
export function nodeStatusChange(current: Node, wanted: Node): Node["status"] | undefined {
  const essence = ({ status }: Node): string =>
    JSON.stringify([
      sorted(status?.capacity),
      sorted(status?.allocatable),
      status?.addresses,
      status?.daemonEndpoints,
      sorted(status?.nodeInfo),
      (status?.conditions ?? []).map(({ type, status: value, reason }) => [type, value, reason]).sort(),
    ]);
  return essence(current) === essence(wanted) ? undefined : withTransitions(current, wanted);
}

/** The wanted status with the times of conditions that stay. */
export function withTransitions(current: Node, wanted: Node): Node["status"] {
  const conditions = (wanted.status?.conditions ?? []).map((condition) => {
    const before = current.status?.conditions?.find(({ type }) => type === condition.type);
    const stays = before?.status === condition.status && before.lastTransitionTime;
    return stays ? { ...condition, lastTransitionTime: before.lastTransitionTime as string } : condition;
  });
  return { ...wanted.status, conditions };
}

function sorted(record: Record<string, string> | undefined): [string, string][] {
  return Object.entries(record ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The same for the same text: a node that is registered again is the same machine. */
function stableUuid(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
