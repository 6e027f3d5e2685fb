import type { KubeObject } from "@podwright/kube";
import { conditionBudget, objectBudget, outOfBudget } from "../../cel/budget.ts";
import type { Program } from "../../cel/program.ts";
import { celValue } from "../../cel/values.ts";
import type { Policy, Validation } from "./policy.ts";

/** Why a policy says no. */
export interface Denial {
  message: string;
  reason: string;
}

/**
 * What a policy says of a request (k8s.io/apiserver/pkg/admission/plugin/policy/validating/validator.go): nothing when
 * its conditions leave the request out, a denial for each validation that does not hold or, unless failures are
 * ignored, cannot be evaluated.
 *
 * @param request object, oldObject, request and authorizer
 */
export function evaluatePolicy(
  policy: Policy,
  request: Record<string, unknown>,
  params: KubeObject | undefined,
  namespace: KubeObject | undefined,
): Denial[] {
  const context = { ...request, params: celValue(params), namespaceObject: celValue(namespace) };
  const failed = (message: string): Denial[] => (policy.ignoreFailures ? [] : [{ message, reason: "" }]);

  const met = evaluateAll(policy.conditions, conditionBudget, withVariables(policy, context));
  if (met === undefined) return failed(outOfBudget);
  if (met.results.includes(false)) return [];
  const errors = met.results.filter((result) => result instanceof Error).map(({ message }) => message);
  if (errors.length > 0) return failed(errors.length === 1 ? (errors[0] as string) : `[${errors.join(", ")}]`);

  const { validations } = policy;
  const held = evaluateAll(
    validations.map(({ program }) => program),
    objectBudget,
    withVariables(policy, context),
  );
  if (held === undefined) return failed(outOfBudget);
  const messages = messagesOf(policy, held, withVariables(policy, context));
  return validations.flatMap((validation, index) => {
    const result = held.results[index];
    if (result instanceof Error) return failed(result.message);
    if (messages === undefined) return failed(`failed messageExpression: ${outOfBudget}`);
    if (result === true) return [];
    return [{ message: messageText(validation, messages[index]), reason: validation.reason }];
  });
}

interface Context {
  values: Record<string, unknown>;
  /** What variables have cost since it was last asked. */
  takeCost(): number;
}

/** With the policy's variables: each is evaluated when it is first used, with those before it. */
function withVariables({ variables }: Policy, given: Record<string, unknown>): Context {
  let cost = 0;
  const own = {};
  const values = { ...given, variables: own };
  for (const { name, program } of variables) {
    Object.defineProperty(own, name, {
      enumerable: true,
      configurable: true,
      get() {
        const value = evaluate(program, values);
        if (!(program instanceof Error)) cost += program.cost;
        if (value instanceof Error)
          throw new Error(`composited variable "${name}" fails to evaluate: ${value.message}`);
        Object.defineProperty(own, name, { enumerable: true, value });
        return value;
      },
    });
  }
  return {
    values,
    takeCost() {
      const taken = cost;
      cost = 0;
      return taken;
    },
  };
}

interface Evaluated {
  /** In the order of the programs: a value, or why there is none. */
  results: unknown[];
  /** What is left of the budget. */
  budget: number;
}

/** Undefined when the budget is spent (k8s.io/apiserver/pkg/admission/plugin/cel/activation.go). */
function evaluateAll(
  programs: readonly (Program | Error | undefined)[],
  budget: number,
  { values, takeCost }: Context,
): Evaluated | undefined {
  let left = budget;
  const results: unknown[] = [];
  for (const program of programs) {
    results.push(program && evaluate(program, values));
    left -= takeCost() + (program === undefined || program instanceof Error ? 0 : program.cost);
    if (left < 0) return undefined;
  }
  return { results, budget: left };
}

/**
 * What the messages' expressions give; undefined when the budget is spent. Upstream evaluates all of them, also of what
 * holds: here only where that could spend the budget.
 */
function messagesOf(policy: Policy, held: Evaluated, context: Context): unknown[] | undefined {
  const { validations, variables } = policy;
  const wanted = validations.filter(({ message }) => message !== undefined).length;
  if (wanted === 0) return [];
  const isPlenty = held.budget > (wanted + variables.length) * plentyEach;
  const programs = validations.map(({ message }, index) =>
    isPlenty && held.results[index] === true ? undefined : message,
  );
  return evaluateAll(programs, held.budget, context)?.results;
}

/** No evaluation costs so much: it is stopped at a million, by what goes over. */
const plentyEach = 2_000_000;

function evaluate(program: Program | Error, variables: Record<string, unknown>): unknown {
  if (program instanceof Error) return program;
  try {
    return program.evaluate(variables);
  } catch (error) {
    return error as Error;
  }
}

const maxMessageBytes = 5 * 1024;

function messageText({ defaultMessage }: Validation, text: unknown): string {
  if (typeof text !== "string") return defaultMessage;
  const trimmed = text.trim();
  const isFit = trimmed !== "" && !trimmed.includes("\n") && Buffer.byteLength(trimmed) <= maxMessageBytes;
  return isFit ? trimmed : defaultMessage;
}
