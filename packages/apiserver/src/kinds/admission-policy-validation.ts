import {
  type FieldError,
  fieldError,
  isDns1035Label,
  isDns1123Subdomain,
  isQualifiedName,
  type KubeObject,
  validateLabelSelector,
} from "@podwright/kube";
import { policyEnvironment } from "../admission/policies/policy.ts";
import type { Environment } from "../cel/environment.ts";
import { CompilationError, compile } from "../cel/program.ts";
import { type Errors, each, invalid, required, requiredOneOf } from "./field-checks.ts";
import type { Struct } from "./kind.ts";
import { matchConditions } from "./match-conditions.ts";
import { webhookRule } from "./webhook-configuration.ts";

const spec = "spec";
const oneNeeded = "validations or auditAnnotations must contain at least one item";
const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];

/** k8s.io/kubernetes/pkg/apis/admissionregistration/validation/validation.go, validateValidatingAdmissionPolicy. */
export function validatePolicy(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const policy: Struct = object["spec"] ?? {};
  const { paramKind, matchConstraints, validations = [], auditAnnotations = [], variables = [] } = policy;
  let environment: Environment | undefined;
  const policyNames = (): Environment => {
    environment ??= policyEnvironment(paramKind !== undefined);
    return environment;
  };
  requiredOneOf(errors, `${spec}.failurePolicy`, policy["failurePolicy"], ["Fail", "Ignore"]);
  if (paramKind !== undefined) validateParamKind(errors, `${spec}.paramKind`, paramKind);
  if (matchConstraints === undefined) errors.push(fieldError.required(`${spec}.matchConstraints`));
  else {
    validateMatchResources(errors, `${spec}.matchConstraints`, matchConstraints);
    if (!matchConstraints.resourceRules?.length) {
      errors.push(fieldError.required(`${spec}.matchConstraints.resourceRules`));
    }
  }
  matchConditions(errors, `${spec}.matchConditions`, policy["matchConditions"] ?? [], policyNames);
  each(variables, `${spec}.variables`, (variable: Struct, at) => validateVariable(errors, at, variable, policyNames()));
  if (validations.length + auditAnnotations.length === 0) {
    errors.push(fieldError.required(`${spec}.validations`, oneNeeded));
    errors.push(fieldError.required(`${spec}.auditAnnotations`, oneNeeded));
  }
  each(validations, `${spec}.validations`, (each: Struct, at) => validateValidation(errors, at, each, policyNames()));
  validateAuditAnnotations(errors, object.metadata.name ?? "", auditAnnotations, policyNames);
  return errors;
}

export function validateBinding(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const binding: Struct = object["spec"] ?? {};
  const policyName: string = binding["policyName"] ?? "";
  if (policyName === "") errors.push(fieldError.required(`${spec}.policyName`));
  else invalid(errors, `${spec}.policyName`, policyName, isDns1123Subdomain(policyName));
  if (binding["paramRef"] !== undefined) validateParamRef(errors, `${spec}.paramRef`, binding["paramRef"]);
  if (binding["matchResources"] !== undefined) {
    validateMatchResources(errors, `${spec}.matchResources`, binding["matchResources"]);
  }
  validateActions(errors, `${spec}.validationActions`, binding["validationActions"] ?? []);
  return errors;
}

function validateParamKind(errors: Errors, path: string, { apiVersion = "", kind = "" }: Struct): void {
  const at = `${path}.apiVersion`;
  const parts = apiVersion.split("/");
  const [group, version] = parts.length === 1 ? ["", parts[0]] : parts;
  if (apiVersion === "") errors.push(fieldError.required(at));
  else if (parts.length > 2) {
    errors.push(fieldError.invalid(at, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  } else {
    if (group !== "") invalid(errors, at, group, joined(isDns1123Subdomain(group)));
    if (version === "") errors.push(fieldError.invalid(at, apiVersion, "version must be specified"));
    else invalid(errors, at, version, joined(isDns1035Label(version)));
  }
  if (kind === "") errors.push(fieldError.required(`${path}.kind`));
  else {
    const problems = joined(isDns1035Label(kind.toLowerCase()));
    const mixed = problems.map((problem) => `may have mixed case, but should otherwise match: ${problem}`);
    invalid(errors, `${path}.kind`, kind, mixed);
  }
}

function joined(messages: readonly string[]): string[] {
  return messages.length === 0 ? [] : [messages.join(",")];
}

function validateMatchResources(errors: Errors, path: string, resources: Struct): void {
  requiredOneOf(errors, `${path}.matchPolicy`, resources["matchPolicy"], ["Equivalent", "Exact"]);
  for (const field of ["namespaceSelector", "objectSelector"]) {
    if (resources[field] === undefined) errors.push(fieldError.required(`${path}.${field}`));
    else errors.push(...validateLabelSelector(resources[field], `${path}.${field}`));
  }
  for (const field of ["resourceRules", "excludeResourceRules"]) {
    each(resources[field], `${path}.${field}`, (rule: Struct, at) => {
      const names: string[] = rule["resourceNames"] ?? [];
      each(names, `${at}.resourceNames`, (name: string, nameAt) => {
        if (nameAt !== `${at}.resourceNames[${names.indexOf(name)}]`) errors.push(fieldError.duplicate(nameAt, name));
      });
      webhookRule(errors, at, rule);
    });
  }
}

function validateVariable(errors: Errors, path: string, variable: Struct, environment: Environment): void {
  const name: string = variable["name"] ?? "";
  if (name.trim() === "") errors.push(fieldError.required(`${path}.name`, "name is not specified"));
  else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name)) {
    errors.push(fieldError.invalid(`${path}.name`, name, "must be a valid CEL identifier"));
  }
  expression(errors, `${path}.expression`, variable["expression"], "any", environment);
}

function validateValidation(errors: Errors, path: string, validation: Struct, environment: Environment): void {
  const { message = "", messageExpression = "", reason } = validation;
  expression(errors, `${path}.expression`, validation["expression"], "bool", environment);
  if (messageExpression !== "") {
    const at = `${path}.messageExpression`;
    if (messageExpression.trim() !== "") expression(errors, at, messageExpression, "string", environment);
    else errors.push(fieldError.invalid(at, messageExpression, "must be non-empty if specified"));
  }
  if (message !== "" && message.trim() === "") {
    errors.push(fieldError.invalid(`${path}.message`, message, "must be non-empty if specified"));
  } else if (/[\n\r]/.test(message.trim())) {
    errors.push(fieldError.invalid(`${path}.message`, message, "must not contain line breaks"));
  }
  if (reason !== undefined && !reasons.includes(reason)) {
    errors.push(fieldError.notSupported(`${path}.reason`, reason, reasons));
  }
}

function validateAuditAnnotations(
  errors: Errors,
  name: string,
  annotations: readonly Struct[],
  environment: () => Environment,
): void {
  const path = `${spec}.auditAnnotations`;
  if (annotations.length > 20) {
    errors.push(fieldError.invalid(path, annotations as never, "must not have more than 20 auditAnnotations"));
  }
  const keys = new Set<string>();
  each(annotations, path, ({ key = "", valueExpression = "" }: Struct, at) => {
    invalid(errors, `${at}.key`, `${name}/${key}`, isQualifiedName(`${name}/${key}`));
    if (valueExpression.trim() === "") {
      errors.push(fieldError.required(`${at}.valueExpression`, "valueExpression is not specified"));
    } else expression(errors, `${at}.valueExpression`, valueExpression, "any", environment());
    if (keys.has(key)) errors.push(fieldError.duplicate(`${at}.key`, key));
    keys.add(key);
  });
}

function expression(errors: Errors, path: string, text = "", type: string, environment: Environment): void {
  if (text.trim() === "") {
    errors.push(fieldError.required(path, "expression is not specified"));
    return;
  }
  try {
    compile(environment, text, type);
  } catch (error) {
    if (!(error instanceof CompilationError)) throw error;
    errors.push(fieldError.invalid(path, text, error.message));
  }
}

function validateParamRef(errors: Errors, path: string, reference: Struct): void {
  const { name = "", selector, parameterNotFoundAction } = reference;
  const exclusive = "name and selector are mutually exclusive";
  if (name !== "" && selector !== undefined) errors.push(fieldError.forbidden(`${path}.name`, exclusive));
  if (selector !== undefined) {
    errors.push(...validateLabelSelector(selector, `${path}.selector`));
    if (name !== "") errors.push(fieldError.forbidden(`${path}.selector`, exclusive));
  }
  if (name === "" && selector === undefined) {
    errors.push(fieldError.required(path, "one of name or selector must be specified"));
  }
  required(errors, `${path}.parameterNotFoundAction`, parameterNotFoundAction);
  if (parameterNotFoundAction && !["Deny", "Allow"].includes(parameterNotFoundAction)) {
    const field = `${path}.parameterNotFoundAction`;
    errors.push(fieldError.notSupported(field, parameterNotFoundAction, ["Deny", "Allow"]));
  }
}

const actions = ["Audit", "Deny", "Warn"];

function validateActions(errors: Errors, path: string, given: readonly string[]): void {
  each(given, path, (action: string, at) => {
    if (!actions.includes(action)) errors.push(fieldError.notSupported(at, action, actions));
    if (at !== `${path}[${given.indexOf(action)}]`) errors.push(fieldError.duplicate(at, action));
  });
  if (given.includes("Deny") && given.includes("Warn")) {
    const detail =
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
    errors.push(fieldError.invalid(path, [...given], detail));
  }
  if (given.length === 0) errors.push(fieldError.required(path, "at least one validation action is required"));
}
