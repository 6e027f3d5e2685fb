import { type KubeObject, type LabelSelectorObject, labelSelectorFromObject } from "@podwright/kube";
import { equalJson } from "../resources/equal.ts";
import type { PolicyRule } from "./policy-rule.ts";

/**
 * The rules of a ClusterRole with an aggregationRule: those of all that it selects, by name, each once
 * (k8s.io/kubernetes/pkg/controller/clusterroleaggregation). Undefined: the role has no aggregationRule.
 *
 * @param others all ClusterRoles there are
 */
export function aggregatedRules(role: KubeObject, others: readonly KubeObject[]): PolicyRule[] | undefined {
  const aggregation = role["aggregationRule"] as { clusterRoleSelectors?: LabelSelectorObject[] } | undefined;
  if (aggregation == null) return undefined;
  const name = (each: KubeObject): string => each.metadata.name ?? "";
  const rules: PolicyRule[] = [];
  for (const selector of (aggregation.clusterRoleSelectors ?? []).map((each) => labelSelectorFromObject(each))) {
    const selected = others.filter((each) => name(each) !== name(role) && selector.matches(each.metadata.labels ?? {}));
    for (const each of selected.toSorted((a, b) => (name(a) < name(b) ? -1 : 1))) {
      for (const rule of (each["rules"] ?? []) as PolicyRule[]) {
        if (!rules.some((known) => equalRules(known, rule))) rules.push(rule);
      }
    }
  }
  return rules;
}

export function equalRules(a: PolicyRule, b: PolicyRule): boolean {
  return equalJson({ ...a }, { ...b });
}
