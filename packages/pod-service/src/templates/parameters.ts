import type { JsonObject, JsonValue } from "@podwright/kube";
import { createRequire } from "node:module";
import type { Ajv2020 as Ajv, ErrorObject, ValidateFunction } from "ajv/dist/2020.js";
import { type FieldProblem, Problem } from "../problem.ts";
import type { PlaceholderValues } from "./placeholders.ts";

/** The typed parameters of a template. */
export interface Parameters {
  /** JSON Schema 2020-12 of the request's params: an object of texts, numbers and booleans. */
  schema: JsonObject;
  /** The values with defaults filled in. Throws a Problem that names each wrong one. */
  check(given: unknown): PlaceholderValues;
}

const scalarTypes = new Set(["string", "number", "integer", "boolean"]);
/** Patterns are a tenant administrator's; texts are a tenant's. Together they must not hold the service up. */
const longestText = 65_536;

/**
 * Compiles "parameters" of a template: a JSON Schema, or just its properties. Throws an Error that says what is
 * wrong with it. Values are scalars: whole pieces of a pod are never a tenant's to give.
 */
export function compileParameters(given: JsonObject): Parameters {
  const isSchema = given["type"] === "object" || typeof given["properties"] === "object";
  const schema: JsonObject = {
    additionalProperties: false,
    ...(isSchema ? given : { properties: given }),
    type: "object",
  };
  const properties = (schema["properties"] ?? {}) as Record<string, JsonObject>;
  for (const [name, property] of Object.entries(properties)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error(`parameters.${name}: no name for a placeholder`);
    if (["cmd", "hash", "tenantId"].includes(name)) throw new Error(`parameters.${name}: the name has a meaning already`);
    const types = enumTypes(property);
    if (types.length === 0 || !types.every((type) => scalarTypes.has(type))) {
      throw new Error(`parameters.${name}: the type must be string, number, integer or boolean`);
    }
  }
  if (schema["additionalProperties"] !== false) throw new Error("parameters: additionalProperties must be false");
  if (JSON.stringify(schema).includes('"$ref"')) throw new Error("parameters: $ref is not supported");
  // Loaded for templates that have parameters: 3 MB.
  const { Ajv2020 } = createRequire(import.meta.url)("ajv/dist/2020.js") as { Ajv2020: typeof Ajv };
  const ajv = new Ajv2020({ useDefaults: true, allErrors: true, strict: false, validateFormats: false, logger: false });
  let validate: ValidateFunction;
  try {
    validate = ajv.compile(schema);
  } catch (error) {
    throw new Error(`parameters: ${(error as Error).message}`);
  }
  return {
    schema,
    check(given) {
      const values = structuredClone(given ?? {});
      if (typeof values === "object" && values !== null) {
        for (const [name, value] of Object.entries(values)) {
          if (typeof value === "string" && value.length > longestText) {
            throw wrong([{ field: `params.${name}`, message: `is longer than ${longestText} characters` }]);
          }
        }
      }
      if (!validate(values)) throw wrong((validate.errors ?? []).slice(0, 20).map(fieldProblem));
      return values as PlaceholderValues;
    },
  };
}

function enumTypes(property: JsonObject): string[] {
  const type = property["type"];
  if (typeof type === "string") return [type];
  if (Array.isArray(type)) return type as string[];
  const values = (property["enum"] ?? (property["const"] === undefined ? [] : [property["const"]])) as JsonValue[];
  return values.map((value) => typeof value);
}

function fieldProblem(error: ErrorObject): FieldProblem {
  const path = error.instancePath.replaceAll("/", ".");
  const extra = error.params as { missingProperty?: string; additionalProperty?: string; allowedValues?: unknown[] };
  const name = extra.missingProperty ?? extra.additionalProperty;
  const field = `params${path}${name === undefined ? "" : `.${name}`}`;
  if (extra.missingProperty !== undefined) return { field, message: "is missing" };
  if (extra.additionalProperty !== undefined) return { field, message: "is no parameter of the template" };
  if (extra.allowedValues !== undefined) {
    return { field, message: `must be one of ${extra.allowedValues.map((value) => JSON.stringify(value)).join(", ")}` };
  }
  return { field, message: error.message ?? "is not valid" };
}

function wrong(errors: FieldProblem[]): Problem {
  const message = errors.map(({ field, message }) => `${field} ${message}`).join("; ");
  return new Problem("invalid_request", message, { errors });
}
