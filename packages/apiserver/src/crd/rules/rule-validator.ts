import {
  additionalSchema,
  type FieldError,
  fieldError,
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
import type { Environment } from "../../cel/environment.ts";
import { brokenRule, compileRule, type Rule, rootPath, writtenRules } from "./rule.ts";
import { optionalOf, ruleEnvironment, textValues } from "./rule-environment.ts";
import { isEmbedded } from "./self-type.ts";
import { selfValue, type TextValues } from "./self-value.ts";

/** Checks objects against the rules in x-kubernetes-validations of one schema. */
export interface RuleValidator {
  /** @param old the object before an update: rules about it are looked at, and what has not changed is let through */
  validate(object: KubeObject, old: KubeObject | undefined): FieldError[];
}

/** How long all rules of one object may take: upstream has a budget of costs (pkg/apis/cel/config.go). */
const maxMs = 2_000;

/**
 * Compiles the rules of a schema (k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go). Undefined
 * when it has none. Upstream estimates what rules will cost and refuses dear ones; here they are stopped when they
 * take too long.
 */
export function createRuleValidator(schema: JsonObject): RuleValidator | undefined {
  if (!hasRules(schema)) return undefined;
  const environment = ruleEnvironment();
  const root = compileNode(environment, schema, schema, true);
  if (root === undefined) return undefined;
  const texts = textValues(environment);
  return {
    validate(object, old) {
      const run: Run = { texts, errors: [], deadline: performance.now() + maxMs };
      const value = object as JsonValue;
      const before = old as JsonValue | undefined;
      visit(root, value, before, { path: "", unchanged: () => old !== undefined && jsonEqual(value, before) }, run);
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
  deadline: number;
}

/** Where a value stands. */
interface Place {
  path: string;
  /** Whether the value, or what it stands in and can be compared, is what it was before the update. */
  unchanged: () => boolean;
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
  if (value === null || value === undefined || performance.now() > run.deadline) return;
  applyRules(node, value, old ?? undefined, place, run);
  for (const each of node.allOf) visit(each, value, old, place, run);
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
  // What has no counterpart is as it was when what it stands in is.
  return { path, unchanged: old === undefined ? place.unchanged : () => jsonEqual(value, old) };
}

function applyRules(node: Node, value: JsonValue, old: JsonValue | undefined, place: Place, run: Run): void {
  if (node.rules.length === 0) return;
  const { schema, isResource } = node;
  const type = textOf(schema["type"]);
  const path = place.path === "" ? rootPath : place.path;
  const self = selfValue(value, schema, isResource, run.texts);
  const oldSelf = () => (old === undefined ? undefined : selfValue(old, schema, isResource, run.texts));
  for (const rule of node.rules) {
    if (typeof rule === "string") {
      run.errors.push(fieldError.invalid(path, type, rule));
      continue;
    }
    if (rule.usesOldSelf && old === undefined && !rule.optionalOldSelf) continue;
    if (performance.now() > run.deadline) {
      const detail = "validation failed due to running out of cost budget, no further validation rules will be run";
      run.errors.push(fieldError.invalid(path, type, detail));
      return;
    }
    const variables: Record<string, unknown> = { self };
    if (rule.usesOldSelf) variables["oldSelf"] = rule.optionalOldSelf ? optionalOf(oldSelf()) : oldSelf();
    const error = brokenRule(rule, variables, value, type, path);
    if (error !== undefined && (rule.usesOldSelf || !place.unchanged())) run.errors.push(error);
  }
}
