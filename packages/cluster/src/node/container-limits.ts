/**
 * A container's resources as limits for a runtime
 * (k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container_linux.go, kubelet/qos/policy.go).
 */
import { quantityMilliValue, quantityValue } from "@podwright/kube";
import type { Container, Pod, ResourceRequirements } from "../kinds.ts";
import { isSidecar } from "../pods.ts";

export interface ContainerLimits {
  cpuShares: number;
  /** Microseconds of every {@link ContainerLimits.cpuPeriod}; 0: no limit. */
  cpuQuota: number;
  /** Microseconds. */
  cpuPeriod: number;
  /** 0: no limit. */
  memoryBytes: number;
  /** -1000 to 1000: who is to die first when memory runs out. */
  oomScoreAdj: number;
}

const cpuPeriod = 100_000;
const smallestQuota = 1000;
const shares = { least: 2, most: 262_144, perCpu: 1024 };

/** @param memoryCapacity bytes of the node. */
export function containerLimits(pod: Pod, container: Container, memoryCapacity: number): ContainerLimits {
  const { requests = {}, limits = {} } = container.resources ?? {};
  const cpuLimit = milli(limits["cpu"]) || milli(pod.spec.resources?.limits?.["cpu"]);
  const cpuRequest = requests["cpu"] === undefined ? cpuLimit : milli(requests["cpu"]);
  return {
    cpuShares: Math.min(Math.max(Math.trunc((cpuRequest * shares.perCpu) / 1000), shares.least), shares.most),
    cpuQuota: cpuLimit === 0 ? 0 : Math.max(Math.trunc((cpuLimit * cpuPeriod) / 1000), smallestQuota),
    cpuPeriod,
    memoryBytes: bytes(limits["memory"]) || bytes(pod.spec.resources?.limits?.["memory"]),
    oomScoreAdj: oomScoreAdj(pod, container, memoryCapacity),
  };
}

/** "Guaranteed", "Burstable" or "BestEffort" (k8s.io/kubernetes/pkg/apis/core/v1/helper/qos/qos.go). */
export function qosClass(pod: Pod): "Guaranteed" | "Burstable" | "BestEffort" {
  if (pod.status?.qosClass) return pod.status.qosClass as ReturnType<typeof qosClass>;
  const all: (ResourceRequirements | undefined)[] =
    pod.spec.resources === undefined
      ? [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map(({ resources }) => resources)
      : [pod.spec.resources];
  const amount = (list: Record<string, string> | undefined, name: string): number => milli(list?.[name]);
  const asks = (resources: ResourceRequirements | undefined): boolean =>
    ["cpu", "memory"].some((name) => amount(resources?.requests, name) > 0 || amount(resources?.limits, name) > 0);
  if (!all.some(asks)) return "BestEffort";
  const guaranteed = all.every((resources) =>
    ["cpu", "memory"].every((name) => {
      const limit = amount(resources?.limits, name);
      return limit > 0 && (resources?.requests?.[name] === undefined || amount(resources.requests, name) === limit);
    }),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}

const guaranteedScore = -997;

function oomScoreAdj(pod: Pod, container: Container, memoryCapacity: number): number {
  if (pod.spec.priorityClassName === "system-node-critical") return guaranteedScore;
  const qos = qosClass(pod);
  if (qos === "Guaranteed") return guaranteedScore;
  if (qos === "BestEffort") return 1000;
  const scoreOf = (request: number): number =>
    1000 - Math.trunc((1000 * (request + unclaimedMemory(pod))) / memoryCapacity);
  let score = scoreOf(memoryRequest(container));
  // A sidecar is not to be killed before the containers that need it.
  if (isSidecar(container)) score = Math.min(score, scoreOf(Math.min(...pod.spec.containers.map(memoryRequest))));
  return Math.min(Math.max(score, 1000 + guaranteedScore), 999);
}

function memoryRequest({ resources }: Container): number {
  return bytes(resources?.requests?.["memory"]);
}

/** Of what the pod as a whole requests, each container's part of what its containers do not. */
function unclaimedMemory({ spec }: Pod): number {
  const requested = bytes(spec.resources?.requests?.["memory"]);
  if (requested === 0) return 0;
  const all = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
  const claimed = all.reduce((sum, container) => sum + memoryRequest(container), 0);
  return Math.max(0, Math.trunc((requested - claimed) / all.length));
}

function milli(quantity: string | undefined): number {
  return quantity === undefined ? 0 : quantityMilliValue(quantity);
}

function bytes(quantity: string | undefined): number {
  return quantity === undefined ? 0 : quantityValue(quantity);
}
