import { type FieldError, fieldError } from "../field-error.ts";
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../object.ts";
import { itemsSchema, junctorSchemas, propertySchema, propertySchemas } from "./schema-node.ts";

/**
 * Checks that all fields and elements that allOf, anyOf, oneOf and not speak of are described by the schema itself too
 * (pkg/apiserver/schema/complete.go).
 */
export function completenessErrors(schema: JsonObject, path: string): FieldError[] {
  return valueErrors(schema, schema, path, path);
}

/**
 * @param values a schema with junctors
 * @param structure the schema that describes the same values
 */
function valueErrors(values: JsonObject, structure: JsonObject, path: string, valuePath: string): FieldError[] {
  const errors: FieldError[] = [];
  const { not } = values;
  if (isJsonObject(not)) errors.push(...nestedErrors(not, structure, path, `${valuePath}.not`));
  for (const junctor of ["allOf", "anyOf", "oneOf"] as const) {
    junctorSchemas(values, junctor).forEach((nested, index) => {
      errors.push(...nestedErrors(nested, structure, path, `${valuePath}.${junctor}[${index}]`));
    });
  }
  return errors;
}

function nestedErrors(
  nested: JsonObject,
  structure: JsonObject | undefined,
  path: string,
  valuePath: string,
): FieldError[] {
  if (structure === undefined) return [fieldError.required(path, `because it is defined in ${valuePath}`)];
  const errors = valueErrors(nested, structure, path, valuePath);
  const items = itemsSchema(nested);
  if (items !== undefined) {
    errors.push(...nestedErrors(items, itemsSchema(structure), `${path}.items`, `${valuePath}.items`));
  }
  for (const [name, property] of propertySchemas(nested)) {
    const below = `.properties[${name}]`;
    errors.push(...nestedErrors(property, propertySchema(structure, name), path + below, valuePath + below));
  }
  return errors;
}
