import type { Container, Pod } from "../../kinds.ts";
import type { PodIdentity } from "../runtime.ts";

/** Whose things these are: a cluster on this machine and a node of it. */
export interface RuntimeOwner {
  /** Names the cluster among those that use the daemon: see clusterId. */
  clusterId: string;
  node: string;
  /** Of a cluster in memory, the process that it ends with: see thisProcess. */
  process?: string;
}

export const clusterLabel = "podwright.dev/cluster";
export const nodeLabel = "podwright.dev/node";
/** The folder of the agent's for the pod's own files. */
export const directoryLabel = "podwright.dev/directory";
/** The address that a pod got without docker's doing. */
export const addressLabel = "podwright.dev/pod-ip";
/** "sandbox" or "container". */
export const typeLabel = "podwright.dev/type";
/** On what is of a cluster in memory: the process it belongs to. */
export const processLabel = "podwright.dev/process";
export const podUidLabel = "io.kubernetes.pod.uid";
export const containerNameLabel = "io.kubernetes.container.name";
export const attemptLabel = "io.kubernetes.container.restart-count";

/** The filters for what a node owns. */
export function ownedBy({ clusterId, node }: RuntimeOwner): string[] {
  return [`${clusterLabel}=${clusterId}`, `${nodeLabel}=${node}`];
}

/** Labels of a pod's sandbox; other tools know them from the kubelet's own runtimes. */
export function sandboxLabels(owner: RuntimeOwner, pod: Pod): Record<string, string> {
  return { ...podLabels(owner, pod), [containerNameLabel]: "POD", [typeLabel]: "sandbox" };
}

export function containerLabels(
  owner: RuntimeOwner,
  pod: Pod,
  container: Container,
  attempt: number,
): Record<string, string> {
  return {
    ...podLabels(owner, pod),
    [containerNameLabel]: container.name,
    [attemptLabel]: String(attempt),
    [typeLabel]: "container",
  };
}

function podLabels({ clusterId, node, process }: RuntimeOwner, { metadata }: Pod): Record<string, string> {
  return {
    [clusterLabel]: clusterId,
    [nodeLabel]: node,
    ...(process === undefined ? {} : { [processLabel]: process }),
    "io.kubernetes.pod.name": metadata.name ?? "",
    "io.kubernetes.pod.namespace": metadata.namespace ?? "",
    [podUidLabel]: metadata.uid ?? "",
  };
}

/** The pod that labelled it. */
export function podOf(labels: Readonly<Record<string, string>>): PodIdentity {
  return {
    uid: labels[podUidLabel] ?? "",
    namespace: labels["io.kubernetes.pod.namespace"] ?? "",
    name: labels["io.kubernetes.pod.name"] ?? "",
  };
}

/** A container's name at the daemon, as the kubelet's docker runtime had it. Namespaces and names have no "_". */
export function containerName(pod: Pod, name: string, attempt: number): string {
  const { metadata } = pod;
  return `k8s_${name}_${metadata.name}_${metadata.namespace}_${metadata.uid}_${attempt}`;
}
