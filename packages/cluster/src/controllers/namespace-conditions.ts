import type { ResourceRef } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Condition } from "../kinds.ts";

/** What a pass over a namespace's content came to. */
export interface ContentFindings {
  errors: string[];
  discoveryError: string | undefined;
  remaining: { ref: ResourceRef; items: KubeObject[] }[];
}

/** How each condition reads when all is well. */
const wellAnd: [type: string, reason: string, message: string][] = [
  ["NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"],
  ["NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"],
  [
    "NamespaceDeletionContentFailure",
    "ContentDeleted",
    "All content successfully deleted, may be waiting on finalization",
  ],
  ["NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"],
  ["NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"],
];

/**
 * The conditions of a namespace under deletion; undefined when they are what they were
 * (k8s.io/kubernetes/pkg/controller/namespace/deletion/status_condition_utils.go).
 */
export function namespaceConditions(
  before: readonly Condition[],
  findings: ContentFindings,
  now: string,
): Condition[] | undefined {
  const problems = problemsOf(findings);
  let changed = false;
  const conditions = before.filter(({ type }) => !wellAnd.some(([known]) => known === type));
  for (const [type, reason, message] of wellAnd) {
    const problem = problems.get(type);
    const next: Condition = { type, status: problem ? "True" : "False", reason, message, ...problem };
    const old = before.find((condition) => condition.type === type);
    const same = old?.status === next.status && old.reason === next.reason && old.message === next.message;
    if (!same) changed = true;
    const lastTransitionTime = old?.status === next.status ? (old.lastTransitionTime ?? now) : now;
    conditions.push({ ...next, lastTransitionTime });
  }
  return changed ? conditions : undefined;
}

function problemsOf(findings: ContentFindings): Map<string, { reason: string; message: string }> {
  const problems = new Map<string, { reason: string; message: string }>();
  if (findings.discoveryError !== undefined) {
    problems.set("NamespaceDeletionDiscoveryFailure", { reason: "DiscoveryFailed", message: findings.discoveryError });
  }
  if (findings.errors.length > 0) {
    problems.set("NamespaceDeletionContentFailure", {
      reason: "ContentDeletionFailed",
      message: `Failed to delete all resource types, ${findings.errors.length} remaining: ${[...findings.errors].sort().join(", ")}`,
    });
  }
  if (findings.remaining.length > 0) {
    const parts = findings.remaining.map(
      ({ ref, items }) => `${ref.resource}.${ref.group} has ${items.length} resource instances`,
    );
    problems.set("NamespaceContentRemaining", {
      reason: "SomeResourcesRemain",
      message: `Some resources are remaining: ${parts.sort().join(", ")}`,
    });
  }
  const finalizers = new Map<string, number>();
  for (const { items } of findings.remaining) {
    for (const finalizer of items.flatMap((item) => item.metadata.finalizers ?? [])) {
      finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
    }
  }
  if (finalizers.size > 0) {
    const parts = [...finalizers].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
    problems.set("NamespaceFinalizersRemaining", {
      reason: "SomeFinalizersRemain",
      message: `Some content in the namespace has finalizers remaining: ${parts.sort().join(", ")}`,
    });
  }
  return problems;
}
