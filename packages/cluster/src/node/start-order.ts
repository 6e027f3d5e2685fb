import type { ContainerRecord } from "./container-record.ts";

/**
 * Starts what is due of a pod's containers: ephemeral ones at any time, init containers one after the other, sidecars
 * among them, then all others. True when initialisation is through
 * (k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go, computeInitContainerActions).
 *
 * @param initialized it was through before: only what stays is started again.
 */
export async function startInOrder(
  records: readonly ContainerRecord[],
  initialized: boolean,
  start: (record: ContainerRecord) => Promise<void>,
): Promise<boolean> {
  for (const record of records) if (record.role === "ephemeral") await start(record);
  for (const record of records) {
    if (record.role === "sidecar") {
      await start(record);
      if (!initialized && !record.started) return false;
    } else if (record.role === "init" && !initialized) {
      if (record.condition.type === "ended" && record.condition.exit.exitCode === 0) continue;
      await start(record);
      return false;
    }
  }
  for (const record of records) if (record.role === "main") await start(record);
  return true;
}
