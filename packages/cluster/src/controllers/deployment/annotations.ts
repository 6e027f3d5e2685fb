/** What a Deployment notes on its ReplicaSets (k8s.io/kubernetes/pkg/controller/deployment/util). */
import type { Deployment, ReplicaSet } from "../../kinds.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
const revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history";
export const desiredReplicasAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxReplicasAnnotation = "deployment.kubernetes.io/max-replicas";

const notCopied = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
]);

const longestHistory = 2000;

/** The revision of a ReplicaSet; 0 when it has none, undefined when what it has is no number. */
export function revisionOf(replicaSet: ReplicaSet): number | undefined {
  const text = replicaSet.metadata.annotations?.[revisionAnnotation];
  if (text === undefined) return 0;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

export function maxRevision(replicaSets: readonly ReplicaSet[]): number {
  return replicaSets.reduce((max, replicaSet) => Math.max(max, revisionOf(replicaSet) ?? 0), 0);
}

/**
 * The annotations of the ReplicaSet of the current template: the Deployment's own, the revision, and which
 * revisions it was before when it comes up again (SetNewReplicaSetAnnotations).
 */
export function newReplicaSetAnnotations(
  deployment: Deployment,
  current: Record<string, string> | undefined,
  revision: number,
): Record<string, string> {
  const annotations = { ...current };
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!notCopied.has(name)) annotations[name] = value;
  }
  const old = annotations[revisionAnnotation];
  if (old !== undefined && !/^\d+$/.test(old)) return annotations;
  if (Number(old ?? 0) >= revision) return annotations;
  annotations[revisionAnnotation] = String(revision);
  if (old !== undefined) {
    const history = appendToHistory(annotations[revisionHistoryAnnotation], old);
    if (history !== undefined) annotations[revisionHistoryAnnotation] = history;
  }
  return annotations;
}

function appendToHistory(history: string | undefined, revision: string): string | undefined {
  if (!history) return revision;
  const revisions = history.split(",");
  let length = history.length + revision.length + 1;
  while (length > longestHistory && revisions.length > 0) length -= (revisions.shift() ?? "").length + 1;
  return length <= longestHistory ? [...revisions, revision].join(",") : undefined;
}

/** The two sizes that tell later whether the Deployment was scaled. */
export function sizeAnnotations(desired: number, max: number): Record<string, string> {
  return { [desiredReplicasAnnotation]: String(desired), [maxReplicasAnnotation]: String(max) };
}
