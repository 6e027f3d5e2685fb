import type { Struct } from "../kind.ts";

/**
 * Takes out of a pod spec what upstream 1.35 drops unless a feature gate is on that is off by default
 * (k8s.io/kubernetes/pkg/api/pod/util.go, dropDisabledFields).
 */
export function dropDisabledFields(spec: Struct): void {
  delete spec["workloadRef"];
  for (const field of ["containers", "initContainers", "ephemeralContainers"]) {
    for (const container of spec[field] ?? []) {
      if (container.lifecycle?.stopSignal === undefined) continue;
      delete container.lifecycle.stopSignal;
      if (Object.keys(container.lifecycle).length === 0) delete container.lifecycle;
    }
  }
  for (const volume of spec["volumes"] ?? []) {
    for (const source of volume.projected?.sources ?? []) {
      delete source.clusterTrustBundle;
      delete source.podCertificate;
    }
  }
}
