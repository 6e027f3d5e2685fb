import type { KubeObject } from "@podwright/kube";
import { formatMicroTime } from "@podwright/kube/time";

/** What a Lease says about who leads; times in milliseconds since 1970. */
export interface LeaseRecord {
  /** "": nobody. */
  holderIdentity: string;
  leaseDurationSeconds: number;
  acquireTime: number;
  renewTime: number;
  leaseTransitions: number;
}

export function recordOf(lease: KubeObject): LeaseRecord {
  const spec = lease["spec"] ?? {};
  return {
    holderIdentity: spec.holderIdentity ?? "",
    leaseDurationSeconds: spec.leaseDurationSeconds ?? 0,
    acquireTime: Date.parse(spec.acquireTime ?? "") || 0,
    renewTime: Date.parse(spec.renewTime ?? "") || 0,
    leaseTransitions: spec.leaseTransitions ?? 0,
  };
}

/** A copy of the lease that says so; the rest of it (labels, other fields of its spec) stays. */
export function leaseOf(record: LeaseRecord, lease: KubeObject): KubeObject {
  return {
    ...lease,
    spec: {
      ...lease["spec"],
      holderIdentity: record.holderIdentity,
      leaseDurationSeconds: record.leaseDurationSeconds,
      acquireTime: formatMicroTime(record.acquireTime),
      renewTime: formatMicroTime(record.renewTime),
      leaseTransitions: record.leaseTransitions,
    },
  };
}

export function sameRecord(a: LeaseRecord, b: LeaseRecord): boolean {
  return (
    a.holderIdentity === b.holderIdentity &&
    a.leaseDurationSeconds === b.leaseDurationSeconds &&
    a.acquireTime === b.acquireTime &&
    a.renewTime === b.renewTime &&
    a.leaseTransitions === b.leaseTransitions
  );
}
