import type { Environment } from "@marcbachmann/cel-js";
import { matchesFunction } from "./environment.ts";

/** A compiled expression. */
export interface Program {
  /** Throws an Error with upstream's text (as far as it goes) when it fails or takes too long. */
  evaluate(variables: Record<string, unknown>): unknown;
}

/** Why an expression is none, in the words of a field error's detail. */
export class CompilationError extends Error {}

/** Turns of loops, and how long they may take: upstream counts costs, to about the same end (pkg/apis/cel/config.go). */
const maxTurns = 1_000_000;
const maxMs = 1_000;

/**
 * Compiles an expression of the type ("bool"). Throws a {@link CompilationError}.
 *
 * @param environment its variables are all that the expression may name
 */
export function compile(environment: Environment, expression: string, type: string): Program {
  const budget = { turns: 0, deadline: 0 };
  let parsed: ReturnType<Environment["parse"]>;
  try {
    parsed = environment.parse(expression);
  } catch (error) {
    throw new CompilationError(`compilation failed: ${located(expression, error as CelFailure)}`);
  }
  guard(parsed.ast, budget);
  const checked = parsed.check();
  if (!checked.valid) {
    throw new CompilationError(`compilation failed: ${located(expression, checked.error as CelFailure)}`);
  }
  if (checked.type !== type && checked.type !== "dyn") {
    throw new CompilationError(`must evaluate to ${type} but got ${checked.type}`);
  }
  return {
    evaluate(variables) {
      budget.turns = 0;
      budget.deadline = performance.now() + maxMs;
      try {
        return parsed(variables as Parameters<typeof parsed>[0]);
      } catch (error) {
        throw new Error(`expression '${expression}' resulted in error: ${reason(error as CelFailure)}`, {
          cause: error,
        });
      }
    },
  };
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

/** Makes every loop count its turns, and `matches` take RE2. */
function guard(ast: unknown, budget: Budget): void {
  const seen = new Set<unknown>();
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
    if (node.op === "rcall" && Array.isArray(node.args) && node.args[0] === "matches") node.args[0] = matchesFunction;
    for (const child of Array.isArray(value) ? value : Object.values(value)) visit(child);
    // Where the parser keeps what a macro has become.
    visit(node.meta);
  };
  visit(ast);
}

/** "ERROR: <input>:1:1: what\n | expression\n | ^", as cel-go says it. */
function located(expression: string, failure: CelFailure): string {
  let { start, end } = failure.range ?? { start: 0, end: 0 };
  let message = failure.summary ?? failure.message;
  const [, name = ""] = /: (.*)$/s.exec(message) ?? [];
  if (failure.code === "unknown_variable") message = `undeclared reference to '${name}' (in container '')`;
  else if (failure.code === "no_such_key") {
    message = `undefined field '${name}'`;
    start = Math.max(0, end - name.length - 1);
  } else if (failure.code === "unexpected_token") message = `Syntax error: ${message}`;
  start = Math.min(start, expression.length);
  end = expression.lastIndexOf("\n", start - 1);
  const line = expression.slice(0, start).split("\n").length;
  const column = start - end - 1;
  const text = expression.split("\n")[line - 1] ?? "";
  return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${text}\n | ${".".repeat(column)}^`;
}

function reason(failure: CelFailure): string {
  return (failure.summary ?? failure.message).replace(/^No such key/, "no such key");
}
