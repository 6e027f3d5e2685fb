import {
  additionalSchema,
  type FieldError,
  fieldError,
  formatFieldError,
  isJsonObject,
  itemsSchema,
  type JsonObject,
  type JsonValue,
  jsonEqual,
  junctorSchemas,
  type KubeObject,
  propertySchemas,
  textOf,
} from "@podwright/kube";
import { objectBudget, outOfBudget } from "../../cel/budget.ts";
import type { Environment } from "../../cel/environment.ts";
import { optionalOf } from "../../cel/optional-value.ts";
import { applyRule, compileRule, type Rule, rootPath, writtenRules } from "./rule.ts";
import { ruleEnvironment, textValues } from "./rule-environment.ts";
import { isEmbedded } from "./self-type.ts";
import { selfValue, type TextValues } from "./self-value.ts";

/** Checks objects against the rules in x-kubernetes-validations of one schema. */
export interface RuleValidator {
  /**
   * @param old the object before an update: rules about it are looked at, and what has not changed is let through
   * @param warn is told what is let through
   */
  validate(object: KubeObject, old: KubeObject | undefined, warn?: (text: string) => void): FieldError[];
}

/**
 * Compiles the rules of a schema (k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go). Undefined
 * when it has none.
 */
export function createRuleValidator(schema: JsonObject): RuleValidator | undefined {
  if (!hasRules(schema)) return undefined;
  const environment = ruleEnvironment();
  const root = compileNode(environment, schema, schema, true);
  if (root === undefined) return undefined;
  const texts = textValues(environment);
  return {
    validate(object, old, warn = () => {}) {
      const run: Run = { texts, errors: [], budget: objectBudget, warn };
      const value = object as JsonValue;
      const before = old as JsonValue | undefined;
      const unchanged = () => old !== undefined && jsonEqual(value, before);
      visit(root, value, before, { path: "", unchanged, inUnchanged: () => false }, run);
      return run.errors;
    },
  };
}

interface Node {
  schema: JsonObject;
  isResource: boolean;
  rules: (Rule | string)[];
  items: Node | undefined;
  additional: Node | undefined;
  properties: Map<string, Node>;
  allOf: Node[];
}

interface Run {
  texts: TextValues;
  errors: FieldError[];
  /** What rules may cost from here; below zero none is run. */
  budget: number;
  warn(text: string): void;
}

/** Where a value stands. */
interface Place {
  path: string;
  /** Whether the value, or what it stands in and can be compared, is what it was before the update. */
  unchanged: () => boolean;
  /** Whether what the value stands in is, as far as it can be compared. */
  inUnchanged: () => boolean;
  /** Nothing below is compared with what it was. */
  isUncorrelated?: boolean;
}

function hasRules(schema: JsonObject): boolean {
  return JSON.stringify(schema, (_key, value) => (typeof value === "bigint" ? 0 : value)).includes(
    '"x-kubernetes-validations"',
  );
}

/** @param rules a schema with the rules: the node's own, or one of its allOf */
function compileNode(environment: Environment, rules: JsonObject, schema: JsonObject, isResource: boolean) {
  const properties = new Map<string, Node>();
  const own = new Map(propertySchemas(schema));
  for (const [name, property] of propertySchemas(rules)) {
    const described = own.get(name);
    const node = described && compileNode(environment, property, described, isEmbedded(described));
    if (node !== undefined) properties.set(name, node);
  }
  const below = (part: (node: JsonObject) => JsonObject | undefined): Node | undefined => {
    const [ruled, described] = [part(rules), part(schema)];
    if (ruled === undefined || described === undefined) return undefined;
    return compileNode(environment, ruled, described, isEmbedded(described));
  };
  const node: Node = {
    schema,
    isResource,
    rules: writtenRules(rules).flatMap((written) => {
      try {
        return compileRule(environment, written, schema) ?? [];
      } catch (error) {
        return `rule compile error: ${(error as Error).message}`;
      }
    }),
    items: below(itemsSchema),
    additional: below(additionalSchema),
    properties,
    allOf: junctorSchemas(rules, "allOf")
      .map((each) => compileNode(environment, each, schema, isResource))
      .filter((each) => each !== undefined),
  };
  const isEmpty = node.rules.length + properties.size + node.allOf.length === 0;
  return isEmpty && node.items === undefined && node.additional === undefined ? undefined : node;
}

function visit(node: Node, value: JsonValue | undefined, old: JsonValue | undefined, place: Place, run: Run): void {
  if (value === null || value === undefined || run.budget < 0) return;
  applyRules(node, value, old ?? undefined, place, run);
  // What is in allOf is let through only with what it stands in, as upstream has it.
  const all = { ...place, unchanged: place.inUnchanged, isUncorrelated: true };
  for (const each of node.allOf) visit(each, value, old, all, run);
  if (Array.isArray(value)) visitList(node, value, old, place, run);
  else if (isJsonObject(value)) visitFields(node, value, old, place, run);
}

function visitList(node: Node, list: JsonValue[], old: JsonValue | undefined, place: Place, run: Run): void {
  const { items } = node;
  if (items === undefined) return;
  const keys = node.schema["x-kubernetes-list-type"] === "map" ? node.schema["x-kubernetes-list-map-keys"] : undefined;
  const oldItems = Array.isArray(old) && Array.isArray(keys) ? old : [];
  list.forEach((element, index) => {
    const before = oldItems.find(
      (each) =>
        isJsonObject(each) &&
        isJsonObject(element) &&
        (keys as JsonValue[]).every((key) => jsonEqual(each[String(key)], element[String(key)])),
    );
    visit(items, element, before, below(place, `${place.path}[${index}]`, element, before), run);
  });
}

function visitFields(node: Node, value: JsonObject, old: JsonValue | undefined, place: Place, run: Run): void {
  const before = isJsonObject(old) ? old : {};
  for (const [name, field] of Object.entries(value)) {
    const property = node.properties.get(name);
    const next = property ?? node.additional;
    if (next === undefined) continue;
    const path = property ? (place.path === "" ? name : `${place.path}.${name}`) : `${place.path}[${name}]`;
    visit(next, field, before[name], below(place, path, field, before[name]), run);
  }
}

function below(place: Place, path: string, value: JsonValue | undefined, old: JsonValue | undefined): Place {
  if (place.isUncorrelated === true) return { ...place, path };
  // What has no counterpart is as it was when what it stands in is.
  // The versions of an object are compared as one version: of these fields nothing is known.
  if (place.path === "" && (path === "apiVersion" || path === "kind")) {
    return { path, unchanged: () => false, inUnchanged: () => false };
  }
  const unchanged = old === undefined ? place.unchanged : () => jsonEqual(value, old);
  return { path, unchanged, inUnchanged: place.unchanged };
}

function applyRules(node: Node, value: JsonValue, old: JsonValue | undefined, place: Place, run: Run): void {
  if (node.rules.length === 0) return;
  const { schema, isResource } = node;
  const type = textOf(schema["type"]);
  const path = place.path === "" ? rootPath : place.path;
  if (run.budget <= 0) {
    run.errors.push(fieldError.invalid(path, type, outOfBudget));
    run.budget = -1;
    return;
  }
  const self = selfValue(value, schema, isResource, run.texts);
  const oldSelf = () => (old === undefined ? undefined : selfValue(old, schema, isResource, run.texts));
  for (const rule of node.rules) {
    if (typeof rule === "string") {
      run.errors.push(fieldError.invalid(path, type, rule));
      continue;
    }
    if (rule.usesOldSelf && old === undefined && !rule.optionalOldSelf) continue;
    const variables: Record<string, unknown> = { self };
    if (rule.usesOldSelf) variables["oldSelf"] = rule.optionalOldSelf ? optionalOf(oldSelf()) : oldSelf();
    const { error, isFailure, budget } = applyRule(rule, variables, value, type, path, run.budget);
    run.budget = budget;
    if (error !== undefined) {
      if (!rule.usesOldSelf && isFailure !== true && place.unchanged()) run.warn(formatFieldError(error));
      else run.errors.push(error);
    }
    if (budget < 0) return;
  }
}
