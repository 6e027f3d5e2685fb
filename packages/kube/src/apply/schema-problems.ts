import { canonicalJson, isJsonObject } from "../json.ts";
import type { JsonValue } from "../object.ts";
import { formatGoValue, quote } from "../quote.ts";
import type { ApplySchema } from "./apply-schema.ts";
import { formatEncoded } from "./path-element.ts";

export interface SchemaProblem {
  /** e.g. `.spec.containers[name="a"]`; "" at the root. */
  path: string;
  message: string;
}

/** A value that does not fit its type; the message is upstream's (structured-merge-diff, typed/helpers.go). */
export class ApplySchemaError extends Error {
  override name = "ApplySchemaError";
  readonly problems: readonly SchemaProblem[];

  constructor(problems: readonly SchemaProblem[], prefix = "") {
    const texts = problems.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
    super(prefix + (texts.length === 1 ? (texts[0] as string) : ["errors:", ...texts.map((t) => `  ${t}`)].join("\n")));
    this.problems = problems;
  }
}

/** Collects problems on a walk: those found below a step get the step before their path. */
export class SchemaProblems {
  readonly list: SchemaProblem[] = [];

  add(message: string): void {
    this.list.push({ path: "", message });
  }

  /** Puts the encoded step before the paths of the problems found since there were `since` of them. */
  under(element: string, since: number): void {
    if (this.list.length === since) return;
    const prefix = formatEncoded(element);
    for (const problem of this.list.slice(since)) problem.path = prefix + problem.path;
  }

  /** @throws {ApplySchemaError} when there are any. */
  check(prefix?: string): void {
    if (this.list.length > 0) throw new ApplySchemaError(this.list, prefix);
  }
}

/** What is wrong with a value for a type of scalars; undefined when nothing is. */
export function scalarProblem(
  scalar: NonNullable<ApplySchema["scalar"]>,
  value: JsonValue | undefined,
): string | undefined {
  if (value === undefined || value === null) return undefined;
  const isNumber = typeof value === "number" || typeof value === "bigint";
  switch (scalar) {
    case "numeric":
      return isNumber ? undefined : `expected numeric (int or float), got ${goTypeOf(value)}`;
    case "string":
      return typeof value === "string"
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case "boolean":
      return typeof value === "boolean" ? undefined : `expected boolean, got ${showGo(value)}`;
    case "untyped":
      return typeof value === "object" ? `expected any scalar, got ${showGo(value)}` : undefined;
  }
}

/** Shows a value as Go shows upstream's wrapper of it. */
export function showGo(value: JsonValue): string {
  return `&{${formatGoValue(value)}}`;
}

function goTypeOf(value: JsonValue): string {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (Array.isArray(value)) return "[]interface {}";
  return isJsonObject(value) ? "map[string]interface {}" : "int64";
}

/** As Go's %#v. */
function goSyntax(value: JsonValue): string {
  if (value === null) return "interface {}(nil)";
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (!isJsonObject(value)) return canonicalJson(value);
  const fields = Object.keys(value).sort();
  return `map[string]interface {}{${fields.map((key) => `${quote(key)}:${goSyntax(value[key] ?? null)}`).join(", ")}}`;
}
