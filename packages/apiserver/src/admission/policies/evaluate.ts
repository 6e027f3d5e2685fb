import type { KubeObject } from "@podwright/kube";
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
  const variables: Record<string, unknown> = {
    ...request,
    params: celValue(params),
    namespaceObject: celValue(namespace),
  };
  variables["variables"] = lazyVariables(policy, variables);
  const failed = (error: Error): Denial[] => (policy.ignoreFailures ? [] : [{ message: error.message, reason: "" }]);

  const errors: string[] = [];
  for (const condition of policy.conditions) {
    const met = evaluate(condition, variables);
    if (met === false) return [];
    if (met instanceof Error) errors.push(met.message);
  }
  if (errors.length > 0) return failed(new Error(errors.length === 1 ? errors[0] : `[${errors.join(", ")}]`));

  return policy.validations.flatMap((validation) => {
    const holds = evaluate(validation.program, variables);
    if (holds === true) return [];
    if (holds instanceof Error) return failed(holds);
    return [{ message: messageOf(validation, variables), reason: validation.reason }];
  });
}

/** Each is evaluated when it is first used, with those before it. */
function lazyVariables({ variables }: Policy, context: Record<string, unknown>): object {
  const values = {};
  for (const { name, program } of variables) {
    Object.defineProperty(values, name, {
      enumerable: true,
      configurable: true,
      get() {
        const value = evaluate(program, context);
        if (value instanceof Error)
          throw new Error(`composited variable "${name}" fails to evaluate: ${value.message}`);
        Object.defineProperty(values, name, { enumerable: true, value });
        return value;
      },
    });
  }
  return values;
}

function evaluate(program: Program | Error, variables: Record<string, unknown>): unknown {
  if (program instanceof Error) return program;
  try {
    return program.evaluate(variables);
  } catch (error) {
    return error as Error;
  }
}

const maxMessageBytes = 5 * 1024;

function messageOf({ message, defaultMessage }: Validation, variables: Record<string, unknown>): string {
  const text = message && evaluate(message, variables);
  if (typeof text !== "string") return defaultMessage;
  const trimmed = text.trim();
  const isFit = trimmed !== "" && !trimmed.includes("\n") && Buffer.byteLength(trimmed) <= maxMessageBytes;
  return isFit ? trimmed : defaultMessage;
}
