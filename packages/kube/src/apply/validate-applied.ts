import { isJsonObject } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { type ApplySchema, firstForm, formOf, type ListSchema, type MapSchema } from "./apply-schema.ts";
import { elementOf } from "./list-elements.ts";
import { formatEncoded } from "./path-element.ts";
import { SchemaProblems, scalarProblem, showGo } from "./schema-problems.ts";

/**
 * Checks a value against its type as upstream does before it merges it (structured-merge-diff, typed/validate.go):
 * forms, fields that the type has not, elements without keys and, unless allowed, several with the same.
 *
 * @throws {ApplySchemaError} e.g. `.spec.foo: field not declared in schema`.
 */
export function validateApplied(
  value: JsonValue,
  schema: ApplySchema,
  { allowDuplicates = false, prefix }: { allowDuplicates?: boolean; prefix?: string } = {},
): void {
  const problems = new SchemaProblems();
  validate(value, schema, allowDuplicates, problems);
  problems.check(prefix);
}

function validate(value: JsonValue, schema: ApplySchema, allowDuplicates: boolean, problems: SchemaProblems): void {
  switch (firstForm(schema, formOf(schema, value))) {
    case "scalar": {
      const problem = scalarProblem(schema.scalar ?? "untyped", value);
      if (problem !== undefined) problems.add(problem);
      return;
    }
    case "list":
      if (value === null) return;
      if (!Array.isArray(value)) problems.add(`expected list, got ${showGo(value)}`);
      else if (schema.list !== undefined) validateList(value, schema.list, allowDuplicates, problems);
      return;
    case "map":
      if (value === null) return;
      if (!isJsonObject(value)) problems.add(`expected map, got ${showGo(value)}`);
      else if (schema.map !== undefined) validateMap(value, schema.map, allowDuplicates, problems);
  }
}

function validateList(list: JsonValue[], schema: ListSchema, allowDuplicates: boolean, problems: SchemaProblems): void {
  const seen = new Set<string>();
  for (const [index, value] of list.entries()) {
    let element = `i:${index}`;
    if (!schema.atomic) {
      const found = elementOf(schema, value);
      if (typeof found !== "string") {
        problems.add(`element ${index}: ${found.problem}`);
        return;
      }
      element = found;
      if (seen.has(element) && !allowDuplicates) {
        problems.add(`duplicate entries for key ${formatEncoded(element)}`);
      }
      seen.add(element);
    }
    const since = problems.list.length;
    validate(value, schema.element, allowDuplicates, problems);
    problems.under(element, since);
  }
}

function validateMap(map: JsonObject, schema: MapSchema, allowDuplicates: boolean, problems: SchemaProblems): void {
  for (const name of Object.keys(map)) {
    const value = map[name];
    if (value === undefined) continue;
    const since = problems.list.length;
    const type = schema.field(name)?.schema ?? schema.element;
    if (type === undefined) problems.add("field not declared in schema");
    else validate(value, type, allowDuplicates, problems);
    problems.under(`f:${name}`, since);
    if (type === undefined) return;
  }
}
