import type { FieldError } from "../field-error.ts";
import { isJsonObject } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { formatCheck } from "./formats.ts";
import { validateListTypes } from "./list-types.ts";
import {
  brokenRule,
  failedJunctor,
  forbiddenField,
  missingField,
  tooLongText,
  tooManyFields,
  tooManyItems,
  wrongType,
} from "./problems.ts";
import { checkEnum, checkNumber, checkType } from "./scalar-checks.ts";
import {
  additionalSchema,
  itemsSchema,
  junctorSchemas,
  numberOf,
  propertySchema,
  propertySchemas,
  textOf,
  textsOf,
} from "./schema-node.ts";
import { ValidationResult } from "./validation-result.ts";

export interface SchemaValidationOptions {
  /**
   * Compiles a `pattern` to what tells whether a value matches anywhere; throws for one that is none. It must take
   * linear time: patterns and values both come from users. Called once for each pattern. Without it patterns are not
   * looked at.
   */
  compilePattern?: ((pattern: string) => (value: string) => boolean) | undefined;
  /** Whether repeated elements of sets and maps are errors; true when absent. */
  listTypes?: boolean | undefined;
  /**
   * Take formats as they are written, and int-or-string for no type, as upstream does for the defaults in a schema.
   * Otherwise formats nothing is known about are dropped.
   */
  asWritten?: boolean | undefined;
}

/** Checks values against one schema. */
export interface SchemaValidator {
  /** @param path of the value, e.g. "status"; "" for the root */
  validate(value: JsonValue | object | undefined, path?: string): FieldError[];
}

/**
 * Checks a value against an OpenAPI v3 schema of a CustomResourceDefinition, with upstream's texts
 * (k8s.io/kube-openapi/pkg/validation/validate), list types included. x-kubernetes-validations (CEL) is not looked at.
 * For many values of one schema use {@link createSchemaValidator}.
 */
export function validateBySchema(
  value: JsonValue | object | undefined,
  schema: JsonObject,
  path = "",
  options: SchemaValidationOptions = {},
): FieldError[] {
  return createSchemaValidator(schema, options).validate(value, path);
}

/** A validator that compiles the schema's patterns once. */
export function createSchemaValidator(schema: JsonObject, options: SchemaValidationOptions = {}): SchemaValidator {
  const visitor = new SchemaVisitor(options);
  return {
    validate(value, path = "") {
      const json = (value ?? null) as JsonValue;
      const errors = visitor.visit(json, schema, "").problems.map((problem) => problem.at(path));
      return options.listTypes === false ? errors : [...errors, ...validateListTypes(json, schema, path)];
    },
  };
}

class SchemaVisitor {
  readonly #compile: SchemaValidationOptions["compilePattern"];
  readonly #asWritten: boolean;
  readonly #patterns = new Map<string, ((value: string) => boolean) | Error>();

  constructor(options: SchemaValidationOptions) {
    this.#compile = options.compilePattern;
    this.#asWritten = options.asWritten === true;
  }

  /** In the order and with the counts of kube-openapi's SchemaValidator. */
  visit(value: JsonValue, schema: JsonObject, name: string): ValidationResult {
    const result = new ValidationResult();
    const types = this.#typesOf(schema);
    const format = textOf(schema["format"]);
    const check = format === "" ? undefined : formatCheck(format);
    const shown = this.#asWritten || check !== undefined ? format : "";
    if (types.length > 0 || shown !== "" || value === null) {
      checkType(value, types, shown, schema["nullable"] === true, name, result);
    }
    if (value === null) {
      checkEnum(value, schema, name, result);
      return result;
    }
    result.matches++;
    this.#visitJunctors(value, schema, name, result);
    if (typeof value === "string") {
      result.matches++;
      this.#checkText(value, schema, name, result);
      if (check !== undefined) {
        result.matches++;
        if (!check(value)) result.add(wrongType(name, format, value));
      }
    } else if (typeof value === "number" || typeof value === "bigint") {
      result.matches += 2;
      checkNumber(value, schema, name, result);
    } else if (Array.isArray(value)) {
      result.matches++;
      this.#visitElements(value, schema, name, result);
    }
    result.matches++;
    checkEnum(value, schema, name, result);
    if (isJsonObject(value)) {
      result.matches++;
      this.#visitFields(value, schema, name, result);
    }
    result.matches++;
    return result;
  }

  #typesOf(schema: JsonObject): string[] {
    const type = textOf(schema["type"]);
    if (schema["x-kubernetes-int-or-string"] === true && !this.#asWritten) return ["integer", "string"];
    return type === "" ? [] : [type];
  }

  #visitJunctors(value: JsonValue, schema: JsonObject, name: string, into: ValidationResult): void {
    const result = new ValidationResult();
    const anyOf = junctorSchemas(schema, "anyOf");
    if (anyOf.length > 0) this.#visitAnyOf(value, anyOf, name, result);
    const oneOf = junctorSchemas(schema, "oneOf");
    if (oneOf.length > 0) this.#visitOneOf(value, oneOf, name, result);
    const allOf = junctorSchemas(schema, "allOf");
    if (allOf.length > 0) {
      const results = allOf.map((each) => this.visit(value, each, name));
      for (const each of results) result.merge(each);
      const valid = results.filter((each) => each.valid).length;
      if (valid !== results.length) {
        const none = valid === 0 ? ". None validated" : "";
        result.add(failedJunctor(name, `must validate all the schemas (allOf)${none}`));
      }
    }
    const { not } = schema;
    if (isJsonObject(not) && this.visit(value, not, name).valid) {
      result.add(failedJunctor(name, "must not validate the schema (not)"));
    }
    result.matches++;
    into.merge(result);
    into.matches++;
  }

  #visitAnyOf(value: JsonValue, schemas: JsonObject[], name: string, into: ValidationResult): void {
    let best: ValidationResult | undefined;
    for (const schema of schemas) {
      const result = this.visit(value, schema, name);
      if (result.valid) {
        into.merge(result);
        return;
      }
      if (best === undefined || result.matches > best.matches) best = result;
    }
    into.add(failedJunctor(name, "must validate at least one schema (anyOf)"));
    if (best !== undefined) into.merge(best);
  }

  #visitOneOf(value: JsonValue, schemas: JsonObject[], name: string, into: ValidationResult): void {
    const results = schemas.map((schema) => this.visit(value, schema, name));
    const valid = results.filter((result) => result.valid);
    if (valid.length === 1) {
      into.merge(valid[0] as ValidationResult);
      return;
    }
    const found = valid.length === 0 ? "Found none valid" : `Found ${valid.length} valid alternatives`;
    into.add(failedJunctor(name, `must validate one and only one schema (oneOf). ${found}`));
    if (valid.length > 0) return;
    const best = results.reduce((most, result) => (result.matches > most.matches ? result : most));
    into.merge(best);
  }

  #checkText(value: string, schema: JsonObject, name: string, into: ValidationResult): void {
    const { maxLength, minLength } = schema;
    const pattern = textOf(schema["pattern"]);
    const max = numberOf(maxLength);
    const min = numberOf(minLength);
    // Characters are code points; most values are short enough not to count them.
    const length = max === undefined && min === undefined ? 0 : [...value].length;
    if (max !== undefined && length > max) into.add(tooLongText(name, max));
    else if (min !== undefined && length < min) {
      into.add(brokenRule(name, value, `should be at least ${min} chars long`));
    } else if (pattern !== "") this.#checkPattern(value, pattern, name, into);
  }

  #checkPattern(value: string, pattern: string, name: string, into: ValidationResult): void {
    const matches = this.#patternOf(pattern);
    if (matches instanceof Error) {
      into.add(brokenRule(name, value, `should match '${pattern}, but pattern is invalid: ${matches.message}'`));
    } else if (matches?.(value) === false) into.add(brokenRule(name, value, `should match '${pattern}'`));
  }

  #patternOf(pattern: string): ((value: string) => boolean) | Error | undefined {
    if (this.#compile === undefined) return undefined;
    let compiled = this.#patterns.get(pattern);
    if (compiled === undefined) {
      try {
        compiled = this.#compile(pattern);
      } catch (error) {
        compiled = error instanceof Error ? error : new Error(String(error));
      }
      this.#patterns.set(pattern, compiled);
    }
    return compiled;
  }

  #visitElements(list: JsonValue[], schema: JsonObject, name: string, into: ValidationResult): void {
    const items = itemsSchema(schema);
    if (items !== undefined) {
      list.forEach((element, index) => {
        into.merge(this.visit(element, items, `${name}[${index}]`));
      });
    }
    const min = numberOf(schema["minItems"]);
    const max = numberOf(schema["maxItems"]);
    if (min !== undefined && list.length < min) {
      into.add(brokenRule(name, list.length, `should have at least ${min} items`));
    }
    if (max !== undefined && list.length > max) into.add(tooManyItems(name, list.length, max));
    into.matches++;
  }

  #visitFields(value: JsonObject, schema: JsonObject, name: string, into: ValidationResult): void {
    const keys = Object.keys(value).filter((key) => value[key] !== undefined);
    const min = numberOf(schema["minProperties"]);
    const max = numberOf(schema["maxProperties"]);
    if (min !== undefined && keys.length < min) {
      into.add(brokenRule(name, keys.length, `should have at least ${min} properties`));
    }
    if (max !== undefined && keys.length > max) into.add(tooManyFields(name, keys.length, max));

    const additional = additionalSchema(schema);
    const closed = schema["additionalProperties"] === false;
    if (additional !== undefined || closed) {
      for (const key of keys) {
        if (propertySchema(schema, key) !== undefined) continue;
        if (additional === undefined) into.add(forbiddenField(name, key));
        else into.merge(this.visit(value[key] as JsonValue, additional, `${name}.${key}`));
      }
    }
    for (const [key, property] of propertySchemas(schema)) {
      const field = Object.hasOwn(value, key) ? value[key] : undefined;
      if (field !== undefined) into.merge(this.visit(field, property, name === "" ? key : `${name}.${key}`));
    }
    for (const key of textsOf(schema["required"])) {
      if (!Object.hasOwn(value, key) || value[key] === undefined) into.add(missingField(`${name}.${key}`));
    }
  }
}
