import type { Environment } from "@marcbachmann/cel-js";
import { matchesFunction } from "./environment.ts";

/** A compiled expression. */
export interface Program {
  /** Throws an {@link EvaluationFailure} when it fails or takes too long. */
  evaluate(variables: Record<string, unknown>): unknown;
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

/** Turns of loops, and how long they may take: upstream counts costs, to about the same end (pkg/apis/cel/config.go). */
const maxTurns = 1_000_000;
const maxMs = 1_000;

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
  guard(parsed.ast, { turns: 0, deadline: 0 });
  const checked = parsed.check();
  if (checked.valid) return checked.type as string;
  throw new CompilationError(`compilation failed: ${located(expression, checked.error as CelFailure, environment)}`);
}

/** What an expression does in an environment; its types are not checked before. Throws a {@link CompilationError}. */
export function programOf(environment: Environment, expression: string): Program {
  const budget = { turns: 0, deadline: 0 };
  const parsed = parse(environment, expression);
  const names = guard(parsed.ast, budget);
  return {
    uses: (variable) => names.has(variable),
    evaluate(variables) {
      budget.turns = 0;
      budget.deadline = performance.now() + maxMs;
      try {
        return parsed(variables as Parameters<typeof parsed>[0]);
      } catch (error) {
        throw new EvaluationFailure(expression, reason(error as CelFailure), error);
      }
    },
  };
}

function parse(environment: Environment, expression: string): ReturnType<Environment["parse"]> {
  try {
    return environment.parse(expression);
  } catch (error) {
    throw new CompilationError(`compilation failed: ${located(expression, error as CelFailure, environment)}`);
  }
}

interface CelFailure extends Error {
  code?: string;
  summary?: string;
  range?: { start: number; end: number };
}

interface Budget {
  turns: number;
  deadline: number;
}

/** Makes every loop count its turns, and `matches` take RE2. Gives the variables that are named. */
function guard(ast: unknown, budget: Budget): Set<string> {
  const seen = new Set<unknown>();
  const names = new Set<string>();
  const spend = (): void => {
    budget.turns++;
    if (budget.turns > maxTurns || (budget.turns % 64 === 0 && performance.now() > budget.deadline)) {
      throw new Error("operation cancelled: actual cost limit exceeded");
    }
  };
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    const node = value as { op?: string; args?: unknown; meta?: unknown };
    if (node.op === "comprehension") {
      const args = node.args as { condition?: (accumulated: unknown) => boolean };
      const { condition } = args;
      args.condition = (accumulated) => {
        spend();
        return condition === undefined || condition(accumulated);
      };
    }
    if (node.op === "id" && typeof node.args === "string") names.add(node.args);
    if (node.op === "rcall" && Array.isArray(node.args) && node.args[0] === "matches") node.args[0] = matchesFunction;
    for (const child of Array.isArray(value) ? value : Object.values(value)) visit(child);
    // Where the parser keeps what a macro has become.
    visit(node.meta);
  };
  visit(ast);
  return names;
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
  } else if (failure.code === "no_such_overload") {
    message = overloadText(message);
    // Where the operator stands, not where its operands begin.
    start += Math.max(0, expression.slice(start, end).search(/(?<=\s)(==|!=|<=|>=|<|>|in|\+|-|\*|\/|%)(?=\s)/));
  } else if (failure.code === "no_matching_overload") {
    const [, method] = /'(?:\S+\.)([^.(]+)\(/.exec(message) ?? [];
    message = callText(message, environment);
    // A method's call is where its parenthesis is.
    if (method !== undefined) start = Math.max(start, expression.indexOf(`.${method}(`, start) + method.length + 1);
  } else if (failure.code === "unexpected_token") message = `Syntax error: ${message}`;
  start = Math.min(start, expression.length);
  end = expression.lastIndexOf("\n", start - 1);
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
  return type.replace(/optional<(.*)>/, "optional_type($1)").replace(/(list|map)<(.*)>/, "$1($2)");
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
  return (failure.summary ?? failure.message).replace(/^No such key/, "no such key");
}
