import {
  fieldError,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isQualifiedName,
  validateLabelName,
  validateLabelSelector,
} from "@podwright/kube";
import { type Errors, each, invalid, optionalOneOf, positive } from "../field-checks.ts";
import type { Struct } from "../kind.ts";

const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function tolerations(errors: Errors, path: string, list: Struct[] | undefined): void {
  each(list, path, (toleration, at) => {
    const { key = "", operator = "", value = "", effect = "", tolerationSeconds } = toleration;
    if (key !== "") errors.push(...validateLabelName(key, `${at}.key`));
    if (key === "" && operator !== "Exists") {
      const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(fieldError.invalid(`${at}.operator`, operator, detail));
    }
    if (tolerationSeconds !== undefined && effect !== "NoExecute") {
      const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
      errors.push(fieldError.invalid(`${at}.effect`, effect, detail));
    }
    tolerationOperator(errors, `${at}.operator`, operator, value);
    if (effect !== "") optionalOneOf(errors, `${at}.effect`, effect, taintEffects);
  });
}

function tolerationOperator(errors: Errors, path: string, operator: string, value: string): void {
  switch (operator) {
    case "":
    case "Equal": {
      const messages = isLabelValue(value);
      if (messages.length > 0) errors.push(fieldError.invalid(path, value, messages.join(";")));
      break;
    }
    case "Exists":
      if (value !== "") {
        errors.push(fieldError.invalid(path, value, "value must be empty when `operator` is 'Exists'"));
      }
      break;
    case "Lt":
    case "Gt":
      errors.push(fieldError.notSupported(path, operator, ["Equal", "Exists", "Lt", "Gt"]));
      break;
    default:
      errors.push(fieldError.notSupported(path, operator, ["Equal", "Exists"]));
  }
}

/** Taints of nodes. */
export function taints(errors: Errors, path: string, list: Struct[] | undefined): void {
  const seen = new Set<string>();
  each(list, path, ({ key = "", value = "", effect = "" }, at) => {
    errors.push(...validateLabelName(key, `${at}.key`));
    const messages = isLabelValue(value);
    if (messages.length > 0) errors.push(fieldError.invalid(`${at}.value`, value, messages.join(";")));
    if (effect === "") errors.push(fieldError.required(`${at}.effect`));
    else optionalOneOf(errors, `${at}.effect`, effect, taintEffects);
    const unique = `${effect}/${key}`;
    if (seen.has(unique)) {
      const detail = "taints must be unique by key and effect pair";
      errors.push({ ...fieldError.duplicate(at, { key, value, effect }), detail });
    }
    seen.add(unique);
  });
}

export function affinity(errors: Errors, path: string, affinity: Struct | undefined): void {
  if (affinity === undefined) return;
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  const required = "requiredDuringSchedulingIgnoredDuringExecution";
  const preferred = "preferredDuringSchedulingIgnoredDuringExecution";
  if (nodeAffinity !== undefined) {
    const at = `${path}.nodeAffinity`;
    if (nodeAffinity[required] !== undefined) nodeSelector(errors, `${at}.${required}`, nodeAffinity[required]);
    each(nodeAffinity[preferred], `${at}.${preferred}`, (term: Struct, termPath) => {
      weight(errors, `${termPath}.weight`, term["weight"]);
      nodeSelectorTerm(errors, `${termPath}.preference`, term["preference"] ?? {}, true);
    });
  }
  for (const [field, pods] of [
    ["podAffinity", podAffinity],
    ["podAntiAffinity", podAntiAffinity],
  ]) {
    if (pods === undefined) continue;
    const at = `${path}.${field}`;
    each(pods[required], `${at}.${required}`, (term: Struct, termPath) => podAffinityTerm(errors, termPath, term));
    each(pods[preferred], `${at}.${preferred}`, (term: Struct, termPath) => {
      weight(errors, `${termPath}.weight`, term["weight"]);
      podAffinityTerm(errors, `${termPath}.podAffinityTerm`, term["podAffinityTerm"] ?? {});
    });
  }
}

export function nodeSelector(errors: Errors, path: string, selector: Struct): void {
  const terms: Struct[] = selector["nodeSelectorTerms"] ?? [];
  if (terms.length === 0) {
    errors.push(fieldError.required(`${path}.nodeSelectorTerms`, "must have at least one node selector term"));
  }
  each(terms, `${path}.nodeSelectorTerms`, (term, at) => nodeSelectorTerm(errors, at, term, false));
}

function nodeSelectorTerm(errors: Errors, path: string, term: Struct, allowInvalidValues: boolean): void {
  each(term["matchExpressions"], `${path}.matchExpressions`, (requirement: Struct, at) => {
    nodeSelectorRequirement(errors, at, requirement, allowInvalidValues);
  });
  each(term["matchFields"], `${path}.matchFields`, ({ key = "", operator = "", values = [] }: Struct, at) => {
    if (operator !== "In" && operator !== "NotIn") {
      errors.push(fieldError.invalid(`${at}.operator`, operator, "not a valid selector operator"));
    } else if (values.length !== 1) {
      const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
      errors.push(fieldError.required(`${at}.values`, detail));
    }
    if (key !== "metadata.name") {
      errors.push(fieldError.invalid(`${at}.key`, key, "not a valid field selector key"));
      return;
    }
    each(values as string[], `${at}.values`, (value, valuePath) => {
      invalid(errors, valuePath, value, isDns1123Subdomain(value));
    });
  });
}

function nodeSelectorRequirement(errors: Errors, path: string, requirement: Struct, allowInvalidValues: boolean): void {
  const { key = "", operator = "" } = requirement;
  const values: string[] = requirement["values"] ?? [];
  const at = `${path}.values`;
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) {
        errors.push(fieldError.required(at, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0) {
        errors.push(fieldError.forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    case "Gt":
    case "Lt":
      if (values.length !== 1) {
        errors.push(fieldError.required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      }
      break;
    default:
      errors.push(fieldError.invalid(`${path}.operator`, operator, "not a valid selector operator"));
  }
  errors.push(...validateLabelName(key, `${path}.key`));
  if (!allowInvalidValues)
    each(values, at, (value, valuePath) => invalid(errors, valuePath, value, isLabelValue(value)));
}

function podAffinityTerm(errors: Errors, path: string, term: Struct): void {
  errors.push(...validateLabelSelector(term["labelSelector"], `${path}.labelSelector`));
  errors.push(...validateLabelSelector(term["namespaceSelector"], `${path}.namespaceSelector`));
  for (const name of term["namespaces"] ?? []) invalid(errors, `${path}.namespace`, name, isDns1123Label(name));
  matchLabelKeys(errors, path, term);
  const topologyKey: string = term["topologyKey"] ?? "";
  if (topologyKey === "") errors.push(fieldError.required(`${path}.topologyKey`, "can not be empty"));
  errors.push(...validateLabelName(topologyKey, `${path}.topologyKey`));
}

/** Keys whose values are taken from the pod's own labels to narrow, or widen, the selector. */
function matchLabelKeys(errors: Errors, path: string, term: Struct): void {
  const selector: Struct | undefined = term["labelSelector"];
  const keys: string[] = term["matchLabelKeys"] ?? [];
  const mismatched: string[] = term["mismatchLabelKeys"] ?? [];
  for (const [field, list] of [
    ["matchLabelKeys", keys],
    ["mismatchLabelKeys", mismatched],
  ] as const) {
    if (list.length > 0 && selector === undefined) {
      errors.push(fieldError.forbidden(`${path}.${field}`, "must not be specified when labelSelector is not set"));
    } else {
      each(list, `${path}.${field}`, (key, at) => errors.push(...validateLabelName(key, at)));
    }
  }
  // By now the selector holds what was made of the keys: it is there once more if the client had it too.
  const selected = new Set(Object.keys(selector?.["matchLabels"] ?? {}));
  for (const { key } of selector?.["matchExpressions"] ?? []) {
    const index = keys.lastIndexOf(key);
    if (index >= 0 && selected.has(key)) {
      errors.push(fieldError.invalid(`${path}[${index}]`, key, "exists in both matchLabelKeys and labelSelector"));
    }
    selected.add(key);
  }
  each(keys, `${path}.matchLabelKeys`, (key, at) => {
    if (!mismatched.includes(key)) return;
    errors.push(fieldError.invalid(at, key, "exists in both matchLabelKeys and mismatchLabelKeys"));
  });
}

function weight(errors: Errors, path: string, weight: number | undefined): void {
  if ((weight ?? 0) < 1 || (weight ?? 0) > 100) {
    errors.push(fieldError.invalid(path, weight ?? 0, "must be in the range 1-100"));
  }
}

export function topologySpreadConstraints(errors: Errors, path: string, list: Struct[] | undefined): void {
  each(list, path, (constraint, at) => {
    const { maxSkew, topologyKey = "", whenUnsatisfiable = "", minDomains } = constraint;
    positive(errors, `${at}.maxSkew`, maxSkew);
    if (topologyKey === "") errors.push(fieldError.required(`${at}.topologyKey`, "can not be empty"));
    optionalOneOf(errors, `${at}.whenUnsatisfiable`, whenUnsatisfiable, ["DoNotSchedule", "ScheduleAnyway"]);
    const later = (list ?? []).slice((list ?? []).indexOf(constraint) + 1);
    if (
      later.some((other) => other["topologyKey"] === topologyKey && other["whenUnsatisfiable"] === whenUnsatisfiable)
    ) {
      const value = `{${topologyKey}, ${whenUnsatisfiable}}`;
      errors.push(fieldError.duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, value));
    }
    if (minDomains !== undefined) {
      positive(errors, `${at}.minDomains`, minDomains);
      if (whenUnsatisfiable !== "DoNotSchedule") {
        const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        errors.push(fieldError.invalid(`${at}.minDomains`, minDomains, detail));
      }
    }
    for (const field of ["nodeAffinityPolicy", "nodeTaintsPolicy"]) {
      optionalOneOf(errors, `${at}.${field}`, constraint[field], ["Honor", "Ignore"]);
    }
    matchLabelKeys(errors, at, constraint);
    errors.push(...validateLabelSelector(constraint["labelSelector"], `${at}.labelSelector`));
  });
}

export function schedulingGates(errors: Errors, path: string, gates: Struct[] | undefined): void {
  const names = new Set<string>();
  each(gates, path, ({ name = "" }, at) => {
    invalid(errors, at, name, isQualifiedName(name));
    if (names.has(name)) errors.push(fieldError.duplicate(at, name));
    names.add(name);
  });
}
