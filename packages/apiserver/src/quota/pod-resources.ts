import type { JsonObject } from "@podwright/kube";
import { addResources, maxResources, type ResourceList } from "./resource-list.ts";

interface Container {
  name?: string;
  restartPolicy?: string;
  resources?: { requests?: ResourceList; limits?: ResourceList };
}

interface PodSpec {
  containers?: Container[];
  initContainers?: Container[];
  overhead?: ResourceList;
  resources?: { requests?: ResourceList; limits?: ResourceList };
}

const podLevel = (name: string): boolean => name === "cpu" || name === "memory" || name.startsWith("hugepages-");

/**
 * What a pod requests, or is limited to: its containers together, or the hungriest moment of initialisation if that is
 * more; resources of the whole pod in their place where it has some. Overhead comes on top for quotas, not for
 * LimitRanges (k8s.io/component-helpers/resource/helpers.go; plugin/pkg/admission/limitranger/admission.go).
 */
export function podResources(spec: JsonObject, kind: "requests" | "limits", withOverhead: boolean): ResourceList {
  const pod = spec as PodSpec;
  let total: ResourceList = {};
  for (const container of pod.containers ?? []) total = addResources(total, container.resources?.[kind] ?? {});
  let sidecars: ResourceList = {};
  let initialising: ResourceList = {};
  for (const container of pod.initContainers ?? []) {
    const own = container.resources?.[kind] ?? {};
    if (container.restartPolicy === "Always") {
      total = addResources(total, own);
      sidecars = addResources(sidecars, own);
      initialising = maxResources(initialising, sidecars);
    } else initialising = maxResources(initialising, addResources(own, sidecars));
  }
  total = maxResources(total, initialising);
  for (const [name, quantity] of Object.entries(pod.resources?.[kind] ?? {}))
    if (podLevel(name)) total[name] = quantity;
  if (!withOverhead || pod.overhead === undefined) return total;
  const overhead =
    kind === "requests"
      ? pod.overhead
      : Object.fromEntries(Object.entries(pod.overhead).filter(([name]) => total[name] !== undefined));
  return addResources(total, overhead);
}
