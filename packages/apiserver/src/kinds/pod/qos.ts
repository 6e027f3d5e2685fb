import type { Struct } from "../kind.ts";

const counted = ["cpu", "memory"];

/**
 * Guaranteed when every container has limits for CPU and memory and requests as much, BestEffort when none asks
 * for any, else Burstable (k8s.io/kubernetes/pkg/apis/core/v1/helper/qos/qos.go, ComputePodQOS).
 */
export function qosClass(spec: Struct): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers: Struct[] = [...(spec["containers"] ?? []), ...(spec["initContainers"] ?? [])];
  // With resources of the whole pod, those decide alone.
  const all: Struct[] =
    spec["resources"] === undefined ? containers.map((container) => container["resources"] ?? {}) : [spec["resources"]];

  const amount = (resources: Struct, kind: "limits" | "requests", name: string): string | undefined => {
    const value = resources[kind]?.[name];
    return value === undefined || value === "0" ? undefined : value;
  };
  let asks = false;
  let guaranteed = true;
  for (const resources of all) {
    for (const name of counted) {
      const limit = amount(resources, "limits", name);
      const request = amount(resources, "requests", name);
      asks ||= limit !== undefined || request !== undefined;
      guaranteed &&= limit !== undefined && request === limit;
    }
  }
  if (!asks) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}
