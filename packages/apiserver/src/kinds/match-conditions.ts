import { fieldError, isQualifiedName, type KubeObject } from "@podwright/kube";
import { admissionEnvironment } from "../cel/admission-environment.ts";
import type { Environment } from "../cel/environment.ts";
import { compile } from "../cel/program.ts";
import { equalJson } from "../resources/equal.ts";
import { type Errors, each, invalid } from "./field-checks.ts";
import type { Struct } from "./kind.ts";

/** k8s.io/kubernetes/pkg/apis/admissionregistration/validation/validation.go, validateMatchConditions. */
export function validateMatchConditions(errors: Errors, object: KubeObject): void {
  let environment: Environment | undefined;
  each(object["webhooks"], "webhooks", (webhook: Struct, path) => {
    matchConditions(errors, `${path}.matchConditions`, webhook["matchConditions"] ?? [], () => {
      environment ??= admissionEnvironment();
      return environment;
    });
  });
}

/** The conditions of a webhook or a policy. */
export function matchConditions(
  errors: Errors,
  at: string,
  conditions: readonly Struct[],
  environment: () => Environment,
): void {
  const names = new Set<string>();
  if (conditions.length > 64) errors.push(fieldError.tooMany(at, conditions.length, 64));
  each(conditions, at, (condition: Struct, path) => {
    expression(errors, `${path}.expression`, String(condition["expression"] ?? "").trim(), environment());
    const name: string = condition["name"] ?? "";
    if (name === "") errors.push(fieldError.required(`${path}.name`));
    else invalid(errors, `${path}.name`, name, isQualifiedName(name));
    if (name !== "" && names.has(name)) errors.push(fieldError.duplicate(`${path}.name`, name));
    names.add(name);
  });
}

function expression(errors: Errors, path: string, text: string, environment: Environment): void {
  if (text === "") {
    errors.push(fieldError.required(path));
    return;
  }
  try {
    compile(environment, text, "bool");
  } catch (error) {
    errors.push(fieldError.invalid(path, text, (error as Error).message));
  }
}

/** Conditions that stay as they were are not looked at again: no new version of CEL may lock an object. */
export function matchConditionsChanged(object: KubeObject, old: KubeObject): boolean {
  const conditions = (each: KubeObject) => ((each["webhooks"] ?? []) as Struct[]).map((one) => one["matchConditions"]);
  return !equalJson(conditions(object), conditions(old));
}
