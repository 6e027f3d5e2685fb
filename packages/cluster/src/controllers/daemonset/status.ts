import { isPodAvailable, isPodReady } from "../../pods.ts";
import type { DaemonSetStatus } from "./daemon-set.ts";
import type { DaemonPass } from "./manage.ts";
import { isUpdated, placementOn } from "./placement.ts";

/**
 * What a DaemonSet's status is to be (k8s.io/kubernetes/pkg/controller/daemon/daemon_controller.go,
 * updateDaemonSetStatus). Zero counts are left out as on the wire, all but the first four.
 */
export function daemonSetStatus({ set, nodes, podsByNode, hash, nowMs }: DaemonPass): DaemonSetStatus {
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 };
  for (const node of nodes) {
    const [oldest] = podsByNode.get(node.metadata.name ?? "") ?? [];
    if (!placementOn(set, node).run) {
      if (oldest !== undefined) counts.misscheduled++;
      continue;
    }
    counts.desired++;
    if (oldest === undefined) continue;
    counts.current++;
    if (isPodReady(oldest)) {
      counts.ready++;
      if (isPodAvailable(oldest, set.spec.minReadySeconds ?? 0, nowMs)) counts.available++;
    }
    if (isUpdated(set, oldest, hash)) counts.updated++;
  }
  const unavailable = counts.desired - counts.available;
  const { collisionCount, conditions } = set.status ?? {};
  return {
    currentNumberScheduled: counts.current,
    numberMisscheduled: counts.misscheduled,
    desiredNumberScheduled: counts.desired,
    numberReady: counts.ready,
    observedGeneration: set.metadata.generation ?? 1,
    ...(counts.updated > 0 ? { updatedNumberScheduled: counts.updated } : {}),
    ...(counts.available > 0 ? { numberAvailable: counts.available } : {}),
    ...(unavailable > 0 ? { numberUnavailable: unavailable } : {}),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}
