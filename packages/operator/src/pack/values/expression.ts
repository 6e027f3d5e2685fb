import { getField, isJsonObject, type JsonObject, type JsonValue, jsonEqual, setField } from "@podwright/kube";
import { applyFilter, asNumber, asText, type Filterable, isTrue, Missing, maxTextLength } from "./filters.ts";

/** A node of the syntax tree that @huggingface/jinja's parser makes (its src/ast.ts). */
export interface ExpressionNode {
  type: string;
}

interface Nodes {
  literal: { value: JsonValue };
  list: { value: ExpressionNode[] };
  map: { value: Map<ExpressionNode, ExpressionNode> };
  identifier: { value: string };
  member: { object: ExpressionNode; property: ExpressionNode; computed: boolean };
  binary: { operator: { value: string }; left: ExpressionNode; right: ExpressionNode };
  unary: { operator: { value: string }; argument: ExpressionNode };
  filter: { operand: ExpressionNode; filter: ExpressionNode };
  call: { callee: ExpressionNode; args: ExpressionNode[] };
  keyword: { key: { value: string }; value: ExpressionNode };
  test: { operand: ExpressionNode; negate: boolean; test: { value: string } };
  ternary: { condition: ExpressionNode; trueExpr: ExpressionNode; falseExpr: ExpressionNode };
  select: { lhs: ExpressionNode; test: ExpressionNode };
}

/**
 * The value of an expression over names. Nothing in it can loop, call, or reach beyond own fields of JSON, and what
 * each step makes is bounded, so its time and memory are too.
 * Throws Error with what is wrong; a name that does not exist is wrong unless `default` or `is defined` handle it.
 */
export function evaluate(node: ExpressionNode, names: JsonObject): JsonValue {
  return present(compute(node, names), names);
}

function present(value: Filterable, names: JsonObject): JsonValue {
  if (!(value instanceof Missing)) return value;
  const vars = names["vars"];
  const known = isJsonObject(vars) ? Object.keys(vars).map((name) => `vars.${name}`) : [];
  const shown = known.slice(0, 10).join(", ") + (known.length > 10 ? ", …" : "");
  throw new Error(
    `unknown name ${value.path}${value.path.startsWith("vars.") ? `; ${known.length > 0 ? `there are ${shown}` : "spec.vars is empty"}` : "; names are vars.NAME"}`,
  );
}

function compute(node: ExpressionNode, names: JsonObject): Filterable {
  const value = (child: ExpressionNode) => present(compute(child, names), names);
  const as = <K extends keyof Nodes>(_kind: K) => node as unknown as Nodes[K];
  switch (node.type) {
    case "IntegerLiteral":
    case "FloatLiteral":
    case "StringLiteral":
      return as("literal").value;
    case "ArrayLiteral":
    case "TupleLiteral":
      return as("list").value.map(value);
    case "ObjectLiteral": {
      const object: JsonObject = {};
      for (const [key, field] of as("map").value) setField(object, asText(value(key)), value(field));
      return object;
    }
    case "Identifier":
      return identifier(as("identifier").value, names);
    case "MemberExpression":
      return member(as("member"), names);
    case "UnaryExpression":
      return unary(as("unary").operator.value, value(as("unary").argument));
    case "BinaryExpression":
      return binary(as("binary"), value);
    case "FilterExpression":
      return filtered(as("filter"), names);
    case "TestExpression": {
      const { operand, negate, test } = as("test");
      return holds(test.value, compute(operand, names), () => value(operand)) !== negate;
    }
    case "Ternary": {
      const { condition, trueExpr, falseExpr } = as("ternary");
      return compute(isTrue(value(condition)) ? trueExpr : falseExpr, names);
    }
    case "SelectExpression": {
      const { lhs, test } = as("select");
      return isTrue(value(test)) ? compute(lhs, names) : "";
    }
    case "CallExpression":
      throw new Error("functions cannot be called, only filters applied: value | filter");
    default:
      throw new Error(`${node.type} is not supported, only expressions over vars and filters`);
  }
}

function identifier(name: string, names: JsonObject): Filterable {
  if (Object.hasOwn(names, name)) return names[name] as JsonValue;
  switch (name) {
    case "true":
    case "True":
      return true;
    case "false":
    case "False":
      return false;
    case "none":
    case "None":
    case "null":
      return null;
    default:
      return new Missing(name);
  }
}

function member({ object, property, computed }: Nodes["member"], names: JsonObject): Filterable {
  const owner = compute(object, names);
  if (owner instanceof Missing) return owner;
  if (computed && property.type === "SliceExpression") throw new Error("slices are not supported");
  const key = computed ? evaluate(property, names) : (property as unknown as Nodes["identifier"]).value;
  const path = `${describe(object)}.${asText(key)}`;
  if (Array.isArray(owner)) {
    const index = asNumber(key);
    return owner.at(index) ?? (index < owner.length && index >= -owner.length ? null : new Missing(path));
  }
  if (!isJsonObject(owner)) return new Missing(path);
  return getField(owner, asText(key)) ?? (Object.hasOwn(owner, asText(key)) ? null : new Missing(path));
}

/** "vars.a" of a chain of names. */
function describe(node: ExpressionNode): string {
  if (node.type === "Identifier") return (node as unknown as Nodes["identifier"]).value;
  if (node.type !== "MemberExpression") return "…";
  const { object, property, computed } = node as unknown as Nodes["member"];
  const key = computed
    ? property.type.endsWith("Literal")
      ? String((property as unknown as Nodes["literal"]).value)
      : "…"
    : (property as unknown as Nodes["identifier"]).value;
  return `${describe(object)}.${key}`;
}

function unary(operator: string, argument: JsonValue): JsonValue {
  if (operator === "not") return !isTrue(argument);
  return operator === "-" ? -asNumber(argument) : asNumber(argument);
}

function binary({ operator, left, right }: Nodes["binary"], value: (node: ExpressionNode) => JsonValue): JsonValue {
  const a = value(left);
  if (operator.value === "and") return isTrue(a) ? value(right) : a;
  if (operator.value === "or") return isTrue(a) ? a : value(right);
  const b = value(right);
  switch (operator.value) {
    case "==":
      return jsonEqual(a, b);
    case "!=":
      return !jsonEqual(a, b);
    case "~":
      return bounded(asText(a) + asText(b));
    case "+":
      return typeof a === "string" && typeof b === "string" ? bounded(a + b) : asNumber(a) + asNumber(b);
    case "-":
      return asNumber(a) - asNumber(b);
    case "*":
      return asNumber(a) * asNumber(b);
    case "/":
      return finite(asNumber(a) / asNumber(b));
    case "//":
      return finite(Math.floor(asNumber(a) / asNumber(b)));
    case "%":
      return finite(asNumber(a) - asNumber(b) * Math.floor(asNumber(a) / asNumber(b)));
    case "<":
    case "<=":
    case ">":
    case ">=":
      return ordered(operator.value, a, b);
    case "in":
      return contains(b, a);
    case "not in":
      return !contains(b, a);
    default:
      throw new Error(`the operator ${operator.value} is not supported`);
  }
}

function ordered(operator: string, a: JsonValue, b: JsonValue): boolean {
  const [x, y] = typeof a === "string" && typeof b === "string" ? [a, b] : [asNumber(a), asNumber(b)];
  if (operator === "<") return x < y;
  if (operator === "<=") return x <= y;
  return operator === ">" ? x > y : x >= y;
}

function contains(whole: JsonValue, part: JsonValue): boolean {
  if (Array.isArray(whole)) return whole.some((element) => jsonEqual(element, part));
  if (typeof whole === "string") return whole.includes(asText(part));
  if (isJsonObject(whole)) return Object.hasOwn(whole, asText(part));
  throw new Error(`"in" needs a list, a map or text on its right`);
}

function filtered({ operand, filter }: Nodes["filter"], names: JsonObject): JsonValue {
  const call = filter as unknown as Nodes["call"];
  const name = (filter.type === "CallExpression" ? call.callee : filter) as unknown as Nodes["identifier"];
  const values: JsonValue[] = [];
  const keywords: JsonObject = {};
  for (const argument of filter.type === "CallExpression" ? call.args : []) {
    if (argument.type === "KeywordArgumentExpression") {
      const { key, value } = argument as unknown as Nodes["keyword"];
      setField(keywords, key.value, evaluate(value, names));
    } else values.push(evaluate(argument, names));
  }
  const input = compute(operand, names);
  const isDefault = name.value === "default" || name.value === "d";
  return applyFilter(name.value, isDefault ? input : present(input, names), values, keywords);
}

function holds(test: string, operand: Filterable, value: () => JsonValue): boolean {
  if (test === "defined") return !(operand instanceof Missing);
  if (test === "undefined") return operand instanceof Missing;
  const tested = value();
  switch (test) {
    case "none":
      return tested === null;
    case "string":
      return typeof tested === "string";
    case "number":
      return typeof tested === "number" || typeof tested === "bigint";
    case "boolean":
      return typeof tested === "boolean";
    case "true":
      return tested === true;
    case "false":
      return tested === false;
    case "mapping":
      return isJsonObject(tested);
    case "sequence":
      return Array.isArray(tested);
    default:
      throw new Error(`unknown test "${test}"`);
  }
}

function bounded(text: string): string {
  if (text.length > maxTextLength) throw new Error(`the result is longer than ${maxTextLength} characters`);
  return text;
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Error("division by zero");
  return value;
}
