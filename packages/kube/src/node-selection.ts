/** Which nodes a pod may come to, by what it says (k8s.io/component-helpers/scheduling/corev1). */

/** `operator` is In, NotIn, Exists, DoesNotExist, Gt or Lt. */
interface NodeRequirement {
  key: string;
  operator: string;
  values?: readonly string[];
}

/** Of a node selector. */
export interface NodeTerm {
  matchExpressions?: readonly NodeRequirement[];
  matchFields?: readonly NodeRequirement[];
}

/** Whether one of the terms of a node selector holds. One without any condition matches nothing. */
export function matchesNodeTerms(
  terms: readonly NodeTerm[],
  { name, labels }: { name: string; labels: Readonly<Record<string, string>> },
): boolean {
  return terms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    return (
      matchExpressions.every((requirement) => meetsRequirement(requirement, labels[requirement.key])) &&
      matchFields.every((requirement) => requirement.key === "metadata.name" && meetsRequirement(requirement, name))
    );
  });
}

/** @param value of the label or field; undefined when there is none */
export function meetsRequirement(
  { operator, values = [] }: Omit<NodeRequirement, "key">,
  value: string | undefined,
): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
    case "Lt": {
      const [bound] = values;
      if (value === undefined || bound === undefined || !isInteger(value) || !isInteger(bound)) return false;
      return operator === "Gt" ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
    }
    default:
      return false;
  }
}

function isInteger(text: string): boolean {
  return /^-?\d+$/.test(text);
}

/** Does one of the tolerations stand the taint? (k8s.io/api/core/v1/toleration.go) */
export function isTolerated(
  taint: { key: string; value?: string; effect: string },
  tolerations: readonly { key?: string; operator?: string; value?: string; effect?: string }[],
): boolean {
  return tolerations.some((toleration) => {
    if (toleration.effect && toleration.effect !== taint.effect) return false;
    if (toleration.key && toleration.key !== taint.key) return false;
    if (toleration.operator === "Exists") return true;
    return (toleration.operator ?? "Equal") === "Equal" && (toleration.value ?? "") === (taint.value ?? "");
  });
}

/** The taint of a cordoned node (k8s.io/api/core/v1/well_known_taints.go). */
export const unschedulableTaint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" } as const;

/** Of taints that do not keep the pods of DaemonSets away (k8s.io/kubernetes/pkg/controller/daemon/util). */
export const daemonTolerations: readonly { key: string; operator: string; effect: string }[] = [
  { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/pid-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: unschedulableTaint.key, operator: "Exists", effect: unschedulableTaint.effect },
];
