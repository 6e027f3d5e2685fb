import type { Environment } from "@marcbachmann/cel-js";
import { callLimit } from "./budget.ts";
import { matchesFunction } from "./call-cost.ts";
import { estimateCost, type SizeOfPath } from "./estimate/estimate.ts";
import { expressionOf } from "./estimate/from-tree.ts";
import { widenHas } from "./has-macro.ts";
import { boundVariable, wrongLiteral } from "./literals.ts";
import { limitExceeded, type Meter, meterTree, type Node } from "./metering.ts";
import { markOptionalElements, readOptionalElements } from "./optional-elements.ts";

/** A compiled expression. */
export interface Program {
  /** Throws an {@link EvaluationFailure} when it fails or costs too much. */
  evaluate(variables: Record<string, unknown>): unknown;
  /** What the last evaluation has cost, also one that failed. */
  readonly cost: number;
  /** Whether the expression names this variable. */
  uses(variable: string): boolean;
}

/** Why an expression is none, in the words of a field error's detail. */
export class CompilationError extends Error {}

/** Why an expression had no value: upstream's text, as far as it goes, in `reason`. */
export class EvaluationFailure extends Error {
  readonly reason: string;
  constructor(expression: string, reason: string, cause: unknown) {
    super(`expression '${expression}' resulted in error: ${reason}`, { cause });
    this.reason = reason;
  }
}

/**
 * Compiles an expression of the type: "bool", "string", or "any". Throws a {@link CompilationError}.
 *
 * @param environment its variables are all that the expression may name
 */
export function compile(environment: Environment, expression: string, type: string): Program {
  const found = checkedType(environment, expression);
  if (type !== "any" && found !== type && found !== "dyn")
    throw new CompilationError(`must evaluate to ${type} but got ${found}`);
  return programOf(environment, expression);
}

/** The type that an expression has in an environment. Throws a {@link CompilationError}. */
export function checkedType(environment: Environment, expression: string): string {
  const parsed = parse(environment, expression);
  prepare(parsed.ast);
  const checked = parsed.check();
  if (!checked.valid) {
    throw new CompilationError(`compilation failed: ${located(expression, checked.error as CelFailure, environment)}`);
  }
  const unknown = boundVariable(parsed.ast);
  if (unknown !== undefined) {
    const message = "undeclared reference to 'cel' (in container '')";
    throw new CompilationError(`compilation failed: ${atPosition(expression, unknown, message)}`);
  }
  const wrong = wrongLiteral(parsed.ast);
  if (wrong === undefined) return checked.type as string;
  throw new CompilationError(
    `compilation failed: ${atPosition(expression, wrong.start, `invalid ${wrong.name} argument`)}`,
  );
}

/** What an expression costs at most; 0 of one whose types are wrong. */
export function estimatedCost(environment: Environment, expression: string, sizeOfPath: SizeOfPath): number {
  const parsed = parse(environment, expression);
  prepare(parsed.ast);
  return parsed.check().valid ? estimateCost(expressionOf(parsed.ast as unknown as Node), sizeOfPath) : 0;
}

/**
 * What an expression does in an environment; its types are not checked before. Throws a {@link CompilationError}.
 *
 * @param isTyped whether upstream knows the types of what the variables hold, which costs depend on
 */
export function programOf(environment: Environment, expression: string, isTyped = false): Program {
  const parsed = parse(environment, expression);
  const names = prepare(parsed.ast, isTyped);
  const meter: Meter = { cost: 0, limit: callLimit };
  meterTree(parsed.ast as unknown as Node, meter, isTyped);
  return {
    uses: (variable) => names.has(variable),
    get cost() {
      return meter.cost;
    },
    evaluate(variables) {
      meter.cost = 0;
      let result: unknown;
      let failure: unknown;
      try {
        result = parsed(variables as Parameters<typeof parsed>[0]);
      } catch (error) {
        failure = error;
      }
      // Whatever || and && have made of it.
      if (meter.cost > meter.limit) failure = new Error(limitExceeded);
      if (failure === undefined) return result;
      throw new EvaluationFailure(expression, reason(failure as CelFailure), failure);
    },
  };
}

function parse(environment: Environment, expression: string): ReturnType<Environment["parse"]> {
  const { optional, text } = readOptionalElements(expression);
  try {
    const parsed = environment.parse(text);
    markOptionalElements(parsed.ast, optional);
    return parsed;
  } catch (error) {
    throw new CompilationError(`compilation failed: ${located(expression, error as CelFailure, environment)}`);
  }
}

interface CelFailure extends Error {
  code?: string;
  summary?: string;
  range?: { start: number; end: number };
}

/** Makes `matches` take RE2 and `has` take more than the package's own. Gives the variables that are named. */
function prepare(ast: unknown, nullIsAbsent = false): Set<string> {
  const seen = new Set<unknown>();
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    const node = value as Node;
    if (node.op === "id" && typeof node.args === "string") names.add(node.args);
    if (node.op === "rcall" && Array.isArray(node.args)) {
      if (node.args[0] === "matches") node.args[0] = matchesFunction;
      if (node.args[0] === "format") node.args[2].forEach(allowMixedList);
    }
    if (node.op === "call" && Array.isArray(node.args) && node.args[0] === "has") widenHas(node, nullIsAbsent);
    for (const child of Array.isArray(value) ? value : Object.values(value)) visit(child);
    // Where the parser keeps what a macro has become.
    visit(node.meta);
  };
  visit(ast);
  return names;
}

/** What format() is given may be of many types. */
function allowMixedList(list: Node): void {
  if (list.op !== "list") return;
  Object.assign(list, {
    check(
      checker: { check(node: Node, scope: unknown): unknown; getType(name: string): unknown },
      _node: Node,
      scope: unknown,
    ) {
      for (const item of list.args as Node[]) checker.check(item, scope);
      return checker.getType("list<dyn>");
    },
  });
}

/** "ERROR: <input>:1:1: what\n | expression\n | ^", as cel-go says it. */
function located(expression: string, failure: CelFailure, environment: Environment): string {
  let { start, end } = failure.range ?? { start: 0, end: 0 };
  let message = failure.summary ?? failure.message;
  const [, name = ""] = /: (.*)$/s.exec(message) ?? [];
  if (failure.code === "unknown_variable") message = `undeclared reference to '${name}' (in container '')`;
  else if (failure.code === "no_such_key") {
    message = `undefined field '${name}'`;
    start = Math.max(0, end - name.length - 1);
    // Of has(), where its parenthesis is.
    const [call, argument = ""] = /\bhas\(([^()]*)$/.exec(expression.slice(0, start)) ?? [];
    if (call !== undefined && expression.charAt(end) === ")") start -= argument.length + 1;
  } else if (failure.code === "no_such_overload") {
    message = overloadText(message);
    // Where the operator stands, not where its operands begin.
    start += Math.max(0, expression.slice(start, end).search(/(?<=\s)(==|!=|<=|>=|<|>|in|\+|-|\*|\/|%)(?=\s)/));
  } else if (failure.code === "no_matching_overload") {
    const [, method] = /'(?:\S+\.)([^.(]+)\(/.exec(message) ?? [];
    message = callText(message, environment);
    // A method's call is where its parenthesis is.
    if (method !== undefined) start = Math.max(start, expression.indexOf(`.${method}(`, start) + method.length + 1);
    else start = Math.max(start, expression.indexOf("(", start));
  } else if (failure.code === "cannot_index_type" && expression.charAt(start - 1) === ".") {
    message = message.replace(/^Cannot index type '(.*)'$/, (_all, type: string) => {
      return `type '${goType(type)}' does not support field selection`;
    });
    start -= 1;
  } else if (/^heterogeneous_/.test(failure.code ?? "")) {
    message = message.replace(/^.*(?=expected type ')/, "").replace(/(?<=')[^' ]+(?=')/g, goType);
    // A field is where its dot is, a call where its parenthesis is.
    if (expression.charAt(start - 1) === ".") start -= 1;
    else start += /^[\w.]+(?=\()/.exec(expression.slice(start, end))?.[0].length ?? 0;
  } else if (failure.code === "unexpected_token") message = `Syntax error: ${message}`;
  start = Math.min(start, expression.length);
  return atPosition(expression, start, message);
}

function atPosition(expression: string, start: number, message: string): string {
  const end = expression.lastIndexOf("\n", start - 1);
  const line = expression.slice(0, start).split("\n").length;
  const column = start - end - 1;
  const text = expression.split("\n")[line - 1] ?? "";
  return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${text}\n | ${".".repeat(column)}^`;
}

/** "no such overload: string > int" in cel-go's words. */
function overloadText(message: string): string {
  const [, left, operator, right] = /no such overload: (\S+) (\S+) (\S+)$/.exec(message) ?? [];
  return operator === undefined
    ? message
    : `found no matching overload for '_${operator}_' applied to '(${goType(left)}, ${goType(right)})'`;
}

/** cel-go's name of a type. */
function goType(type = ""): string {
  return type
    .replace(/google\.protobuf\.(Duration|Timestamp)/g, (_all, name: string) => name.toLowerCase())
    .replace(/optional<(.*)>/, "optional_type($1)")
    .replace(/(list|map)<(.*)>/, "$1($2)");
}

/** "found no matching overload for 'f(string)'" in cel-go's words, which tell an unknown function from wrong arguments. */
function callText(message: string, environment: Environment): string {
  const [, receiver, name, given] = /'(?:(\S+)\.)?([^.(]+)\((.*)\)'$/.exec(message) ?? [];
  if (name === undefined) return message;
  const isKnown = environment.getDefinitions().functions.some((known) => known.name === name);
  if (!isKnown) return `undeclared reference to '${name}' (in container '')`;
  const target = receiver === undefined ? "" : `${receiver}.`;
  return `found no matching overload for '${name}' applied to '${target}(${given})'`;
}

function reason(failure: CelFailure): string {
  return (failure.summary ?? failure.message)
    .replace(/^No such key: (index out of bounds), index (-?\d+).*$/, "$1: $2")
    .replace(/^No such key/, "no such key");
}
