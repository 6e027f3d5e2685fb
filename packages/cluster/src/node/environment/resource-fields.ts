/** A container's requests and limits as text (k8s.io/kubernetes/pkg/api/v1/resource/helpers.go). */
import { quantityMilliValue, quantityValue } from "@podwright/kube";
import type { Container, Pod } from "../../kinds.ts";

export interface ResourceFieldRef {
  containerName?: string;
  /** "limits.cpu" */
  resource: string;
  /** "0" and nothing: 1. */
  divisor?: string;
}

const told = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/;

/**
 * The amount in units of the divisor, rounded up. Limits that are not set are the pod's, else what the node can give.
 * Throws when there is no such resource or container.
 *
 * @param own the container that asks, for a reference that names none
 */
export function resourceField(
  pod: Pod,
  own: Container | undefined,
  reference: ResourceFieldRef,
  allocatable: Readonly<Record<string, string>>,
): string {
  const { resource, containerName, divisor = "0" } = reference;
  const container = containerName ? containerNamed(pod, containerName) : own;
  if (container === undefined) throw new Error(`container ${containerName ?? ""} not found`);
  const [, kind, name = ""] = told.exec(resource) ?? [];
  if (kind === undefined) throw new Error(`unsupported container resource : ${resource}`);
  let quantity = container.resources?.[kind as "limits" | "requests"]?.[name];
  if (kind === "limits" && isZero(quantity) && !name.startsWith("hugepages-")) {
    const podLimit = pod.spec.resources?.limits?.[name];
    quantity = isZero(podLimit) ? allocatable[name] : podLimit;
  }
  const amount = name === "cpu" ? quantityMilliValue : quantityValue;
  return String(Math.ceil(amount(quantity ?? "0") / amount(isZero(divisor) ? "1" : divisor)));
}

function isZero(quantity: string | undefined): boolean {
  return quantity === undefined || quantityMilliValue(quantity) === 0;
}

function containerNamed(pod: Pod, name: string): Container | undefined {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  return containers.find((container) => container.name === name);
}
