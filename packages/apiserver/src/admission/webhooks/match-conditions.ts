import { type KubeObject, status } from "@podwright/kube";
import type { Authorizer } from "../../authorization/authorizer.ts";
import { admissionEnvironment } from "../../cel/admission-environment.ts";
import { AuthorizerValue } from "../../cel/authorizer-library.ts";
import { conditionBudget, outOfBudget } from "../../cel/budget.ts";
import type { Environment } from "../../cel/environment.ts";
import { compile, type Program } from "../../cel/program.ts";
import { celValue } from "../../cel/values.ts";
import type { Conversions } from "../../resources/conversion.ts";
import type { Resource } from "../../resources/resource.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Webhook } from "./configuration.ts";
import { requestHead } from "./review.ts";

/**
 * Do the webhook's conditions want it to be asked about the request, which it knows as one for the resource? Throws 403
 * when they fail and failurePolicy is Fail.
 */
export type ConditionMatcher = (
  webhook: Webhook,
  resource: Resource,
  attributes: AdmissionAttributes,
  conversions: Conversions,
) => boolean;

/** k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions/matcher.go. */
export function createConditionMatcher(authorizer: Authorizer): ConditionMatcher {
  let environment: Environment | undefined;
  const compiled = new WeakMap<Webhook, (Program | Error)[]>();

  const programsOf = (webhook: Webhook): (Program | Error)[] => {
    const known = compiled.get(webhook);
    if (known !== undefined) return known;
    environment ??= admissionEnvironment();
    const programs = webhook.matchConditions.map(({ expression }) =>
      tryCompile(environment as Environment, expression, "bool"),
    );
    compiled.set(webhook, programs);
    return programs;
  };

  return (webhook, resource, attributes, conversions) => {
    if (webhook.matchConditions.length === 0) return true;
    const variables = variablesOf(authorizer, resource, attributes, conversions);
    const errors: string[] = [];
    let isRefused = false;
    let budget = conditionBudget;
    for (const program of programsOf(webhook)) {
      const result = evaluate(program, variables);
      budget -= program instanceof Error ? 0 : program.cost;
      if (budget < 0) {
        isRefused = false;
        errors.splice(0, errors.length, outOfBudget);
        break;
      }
      if (result === false) isRefused = true;
      else if (result !== true) errors.push(result.message);
    }
    // One that says no is enough, whatever goes wrong with the others.
    if (isRefused) return false;
    if (errors.length === 0) return true;
    if (webhook.ignoreFailures) return false;
    const message = errors.length === 1 ? (errors[0] as string) : `[${[...new Set(errors)].join(", ")}]`;
    const { group, plural } = attributes.resource;
    throw status.forbidden({ group, resource: plural }, attributes.name, message);
  };
}

/** @param type "bool", "string", or "any" for a variable */
export function tryCompile(environment: Environment, expression: string, type: string): Program | Error {
  try {
    return compile(environment, expression, type);
  } catch (error) {
    return error as Error;
  }
}

function evaluate(program: Program | Error, variables: Record<string, unknown>): boolean | Error {
  if (program instanceof Error) return program;
  try {
    return program.evaluate(variables) === true;
  } catch (error) {
    return error as Error;
  }
}

/** object, oldObject, request and authorizer, as expressions know them. */
export function variablesOf(
  authorizer: Authorizer,
  resource: Resource,
  attributes: AdmissionAttributes,
  conversions: Conversions,
): Record<string, unknown> {
  const { group, version, plural } = attributes.resource;
  const { subresource, namespace, name, user } = attributes;
  const seen = (object: KubeObject | undefined) => object && conversions.convert(object, attributes.resource, resource);
  return {
    object: celValue(seen(attributes.object)),
    oldObject: celValue(seen(attributes.oldObject)),
    request: celValue({ ...requestHead(resource, attributes), dryRun: attributes.dryRun, options: attributes.options }),
    authorizer: new AuthorizerValue(authorizer, user, {
      group,
      version,
      resource: plural,
      subresource,
      namespace,
      name,
    }),
  };
}
