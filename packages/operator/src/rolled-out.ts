import type { KubeObject } from "@podwright/kube";

/**
 * Whether all pods of a Deployment, StatefulSet or DaemonSet are of the current template, and available: what
 * `kubectl rollout status` waits for (k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go).
 */
export function isRolledOut(object: KubeObject): boolean {
  const { spec = {}, status = {} } = object;
  if ((status.observedGeneration ?? 0) < (object.metadata.generation ?? 0)) return false;
  if (spec.updateStrategy?.type === "OnDelete" || spec.paused === true) return true;
  if (object.kind === "DaemonSet") {
    const wanted: number = status.desiredNumberScheduled ?? 0;
    return (status.updatedNumberScheduled ?? 0) >= wanted && (status.numberAvailable ?? 0) >= wanted;
  }
  const replicas: number = spec.replicas ?? 1;
  const updated: number = status.updatedReplicas ?? 0;
  if (object.kind === "StatefulSet") {
    const partition: number = spec.updateStrategy?.rollingUpdate?.partition ?? 0;
    return updated >= replicas - partition && (status.readyReplicas ?? 0) >= replicas;
  }
  return updated >= replicas && (status.replicas ?? 0) <= updated && (status.availableReplicas ?? 0) >= updated;
}
