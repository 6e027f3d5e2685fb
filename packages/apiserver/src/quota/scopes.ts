import type { JsonObject, KubeObject } from "@podwright/kube";
import { meetsRequirement } from "@podwright/kube/node-selection";
import { qosClass } from "../kinds/pod/qos.ts";

export interface ScopeSelector {
  scopeName: string;
  operator: string;
  values?: string[];
}

/** The scopes of a quota, in both ways in which they are written. */
export function scopesOf(quota: KubeObject): ScopeSelector[] {
  const spec = (quota["spec"] ?? {}) as { scopes?: string[]; scopeSelector?: { matchExpressions?: ScopeSelector[] } };
  return [
    ...(spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" })),
    ...(spec.scopeSelector?.matchExpressions ?? []),
  ];
}

/** Whether a pod is within a scope (k8s.io/kubernetes/pkg/quota/v1/evaluator/core/pods.go, podMatchesScopeFunc). */
export function podInScope(pod: KubeObject, { operator, scopeName, values }: ScopeSelector): boolean {
  const spec = (pod["spec"] ?? {}) as JsonObject;
  switch (scopeName) {
    case "Terminating":
      return isTerminating(spec);
    case "NotTerminating":
      return !isTerminating(spec);
    case "BestEffort":
      return qosClass(spec) === "BestEffort";
    case "NotBestEffort":
      return qosClass(spec) !== "BestEffort";
    case "PriorityClass":
      return meetsRequirement(
        { operator, ...(values && { values }) },
        (spec["priorityClassName"] as string | undefined) || undefined,
      );
    case "CrossNamespacePodAffinity":
      return reachesOtherNamespaces(spec["affinity"] as JsonObject | undefined);
    default:
      return false;
  }
}

function isTerminating(spec: JsonObject): boolean {
  const seconds = spec["activeDeadlineSeconds"];
  return typeof seconds === "number" && seconds >= 0;
}

function reachesOtherNamespaces(affinity: JsonObject | undefined): boolean {
  const kinds = [affinity?.["podAffinity"], affinity?.["podAntiAffinity"]] as (JsonObject | undefined)[];
  return kinds.some((kind) => {
    const required = (kind?.["requiredDuringSchedulingIgnoredDuringExecution"] ?? []) as JsonObject[];
    const preferred = (kind?.["preferredDuringSchedulingIgnoredDuringExecution"] ?? []) as JsonObject[];
    const terms = [...required, ...preferred.map((term) => (term["podAffinityTerm"] ?? {}) as JsonObject)];
    return terms.some(
      ({ namespaces, namespaceSelector }) =>
        ((namespaces as string[]) ?? []).length > 0 || namespaceSelector !== undefined,
    );
  });
}
