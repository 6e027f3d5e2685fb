// What evaluations may cost, in cel-go's units (k8s.io/apiserver/pkg/apis/cel/config.go).

/** One of an expression (PerCallLimit). */
export const callLimit = 1_000_000;
/** All rules of an object, or validations of a policy for a binding (RuntimeCELCostBudget). */
export const objectBudget = 10_000_000;
/** All match conditions of a webhook, or of a policy for a binding (RuntimeCELCostBudgetMatchConditions). */
export const conditionBudget = 2_500_000;

export const outOfBudget =
  "validation failed due to running out of cost budget, no further validation rules will be run";
