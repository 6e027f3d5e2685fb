import { compilePattern } from "../crd/compile-pattern.ts";
import { matchesFunction } from "./call-cost.ts";
import type { Node } from "./metering.ts";
import { succeeds } from "./quantity-library.ts";

/** A literal argument that its function does not take. */
export interface WrongLiteral {
  /** Of the function. */
  name: string;
  /** Where it begins. */
  start: number;
}

/** The first text that is no duration, timestamp or pattern (cel-go's cel/validator.go). */
export function wrongLiteral(root: unknown): WrongLiteral | undefined {
  return firstIn(root, ownProblem);
}

/** Where cel.bind() is first called, which the package has and Kubernetes has not. */
export function boundVariable(root: unknown): number | undefined {
  return firstIn(root, (node) => {
    if (node.op !== "rcall" || !Array.isArray(node.args) || node.args[0] !== "bind") return undefined;
    const receiver = node.args[1] as Node & { start: number };
    return receiver.op === "id" && receiver.args === "cel" ? receiver.start : undefined;
  });
}

function firstIn<T>(root: unknown, find: (node: Node) => T | undefined): T | undefined {
  const seen = new Set<unknown>();
  const search = (value: unknown): T | undefined => {
    if (typeof value !== "object" || value === null || seen.has(value)) return undefined;
    seen.add(value);
    const found = "op" in value ? find(value as Node) : undefined;
    if (found !== undefined) return found;
    for (const child of Array.isArray(value) ? value : [...Object.values(value), (value as Node).meta]) {
      const below = search(child);
      if (below !== undefined) return below;
    }
    return undefined;
  };
  return search(root);
}

function ownProblem(node: Node): WrongLiteral | undefined {
  if (!Array.isArray(node.args)) return undefined;
  const [name, ...rest] = node.args as [string, ...unknown[]];
  const isPattern = node.op === "rcall" && name === matchesFunction;
  if (!isPattern && !(node.op === "call" && (name === "duration" || name === "timestamp"))) return undefined;
  const argument = (rest.at(-1) as (Node & { start: number })[])[0];
  if (argument?.op !== "value" || typeof argument.args !== "string") return undefined;
  const { args: text, start } = argument;
  if (isPattern) return succeeds(() => compilePattern(text)) ? undefined : { name: "matches", start };
  const isRight = name === "duration" ? duration.test(text) : timestamp.test(text) && !Number.isNaN(Date.parse(text));
  return isRight ? undefined : { name, start };
}

const duration = /^[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/;
const timestamp = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
