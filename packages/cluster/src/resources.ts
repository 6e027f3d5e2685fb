/** What pods ask of nodes, as numbers (k8s.io/component-helpers/resource/helpers.go). */
import { quantityMilliValue, quantityValue } from "@podwright/kube";
import type { Container, PodSpec } from "./kinds.ts";
import { isSidecar } from "./pods.ts";

/** Amounts by resource name: thousandths of a core for "cpu", units (bytes) for all others. */
export type Amounts = Record<string, number>;

/** Quantities as amounts. */
export function amountsOf(quantities: Record<string, string> | undefined): Amounts {
  const amounts: Amounts = {};
  for (const [name, quantity] of Object.entries(quantities ?? {})) {
    amounts[name] = name === "cpu" ? quantityMilliValue(quantity) : quantityValue(quantity);
  }
  return amounts;
}

/**
 * What a pod requests: its containers together, or what the hungriest moment of initialisation takes if that is
 * more; sidecars count from when they have started; overhead comes on top.
 */
export function podRequests(spec: PodSpec): Amounts {
  return withPodLevel(
    spec,
    aggregate(spec, (container) => amountsOf(container.resources?.requests)),
  );
}

/**
 * The same with 100m of CPU and 200 MiB for containers that request none, so that they weigh something when
 * pods are spread (scheduler/util/pod_resources.go).
 */
export function nonZeroPodRequests(spec: PodSpec): Amounts {
  const requests = aggregate(spec, (container) => ({
    cpu: 100,
    memory: 200 * 1024 * 1024,
    ...amountsOf(container.resources?.requests),
  }));
  return withPodLevel(spec, requests);
}

function aggregate(spec: PodSpec, requestsOf: (container: Container) => Amounts): Amounts {
  const running: Amounts = {};
  for (const container of spec.containers) add(running, requestsOf(container));
  const sidecars: Amounts = {};
  const initialising: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const requests = requestsOf(container);
    if (isSidecar(container)) {
      add(running, requests);
      add(sidecars, requests);
      raise(initialising, sidecars);
    } else {
      const moment = { ...sidecars };
      add(moment, requests);
      raise(initialising, moment);
    }
  }
  raise(running, initialising);
  return running;
}

function withPodLevel(spec: PodSpec, requests: Amounts): Amounts {
  Object.assign(requests, amountsOf(spec.resources?.requests));
  add(requests, amountsOf(spec.overhead));
  return requests;
}

/** Adds the amounts to the sum in place. */
export function add(sum: Amounts, amounts: Amounts): void {
  for (const name in amounts) sum[name] = (sum[name] ?? 0) + (amounts[name] ?? 0);
}

/** Takes the amounts off the sum in place. */
export function subtract(sum: Amounts, amounts: Amounts): void {
  for (const name in amounts) sum[name] = (sum[name] ?? 0) - (amounts[name] ?? 0);
}

function raise(highest: Amounts, amounts: Amounts): void {
  for (const name in amounts) highest[name] = Math.max(highest[name] ?? 0, amounts[name] ?? 0);
}

/** The request that is too much for what is free, or undefined when all fits. Only what is requested is looked at. */
export function* shortages(requests: Amounts, allocatable: Amounts, used: Amounts): Iterable<Shortage> {
  for (const resource in requests) {
    const requested = requests[resource] ?? 0;
    const capacity = allocatable[resource] ?? 0;
    const taken = used[resource] ?? 0;
    if (requested > 0 && requested > capacity - taken) yield { resource, requested, used: taken, capacity };
  }
}

/** In the units of {@link Amounts}. */
export interface Shortage {
  resource: string;
  requested: number;
  used: number;
  capacity: number;
}
