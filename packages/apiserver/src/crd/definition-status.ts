import { acceptNames } from "./accepted-names.ts";
import {
  type Condition,
  type Definition,
  type DefinitionStatus,
  findCondition,
  isConditionTrue,
  withCondition,
} from "./definition.ts";
import { approvalOf, isProtectedGroup } from "./definition-validation.ts";

/**
 * The status a definition should have, given the others: names, Established, and what is wrong with it. Upstream's
 * naming, establishing, API approval and schema controllers in one step (k8s.io/apiextensions-apiserver/pkg/controller).
 *
 * @param now as in metadata
 */
export function desiredStatus(definition: Definition, others: Iterable<Definition>, now: string): DefinitionStatus {
  const naming = acceptNames(definition, others);
  let conditions: Condition[] = [...(definition.status?.conditions ?? [])];
  const set = (condition: Omit<Condition, "lastTransitionTime">) => {
    conditions = withCondition(conditions, condition, now);
  };
  set(naming.condition);
  // Once established, always established.
  if (!isConditionTrue(definition, "Established")) {
    if (naming.condition.status === "True") {
      const message = "the initial names have been accepted";
      set({ type: "Established", status: "True", reason: "InitialNamesAccepted", message });
    } else {
      set({ type: "Established", status: "False", reason: "NotAccepted", message: "not all names are accepted" });
    }
  }
  const approval = approvalCondition(definition);
  if (approval !== undefined) set(approval);
  const schema = findCondition(definition, "NonStructuralSchema");
  if (schema !== undefined) conditions = conditions.filter((each) => each.type !== "NonStructuralSchema");
  return { ...definition.status, conditions, acceptedNames: naming.acceptedNames };
}

function approvalCondition(definition: Definition): Omit<Condition, "lastTransitionTime"> | undefined {
  if (!isProtectedGroup(definition.spec.group)) return undefined;
  const { state, reason: message } = approvalOf(definition);
  const type = "KubernetesAPIApprovalPolicyConformant";
  switch (state) {
    case "missing":
      return { type, status: "False", reason: "MissingAnnotation", message };
    case "invalid":
      return { type, status: "False", reason: "InvalidAnnotation", message };
    case "bypassed":
      return { type, status: "False", reason: "UnapprovedAnnotation", message };
    case "approved":
      return { type, status: "True", reason: "ApprovedAnnotation", message };
  }
}
