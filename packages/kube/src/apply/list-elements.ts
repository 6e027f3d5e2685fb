import { canonicalJson, isJsonObject } from "../json.ts";
import type { JsonValue } from "../object.ts";
import type { ListSchema } from "./apply-schema.ts";

const plainText = /^[\w ./:-]*$/;

/**
 * The encoded step to an element of a list that is not atomic: by its keys, with defaults for those it lacks, or, in
 * sets, by its value.
 *
 * @returns a problem in place of the step where the element can have none.
 */
export function elementOf(list: ListSchema, value: JsonValue): string | { problem: string } {
  if (list.keys.length === 0) return setElement(value);
  if (value === null) return { problem: "associative list with keys may not have a null element" };
  if (!isJsonObject(value)) return { problem: "associative list with keys may not have non-map elements" };
  let text = "k:{";
  for (const key of list.keys) {
    let field: JsonValue | undefined = Object.hasOwn(value, key) ? value[key] : undefined;
    if (field === undefined) {
      const map = list.element.map;
      if (map === undefined) {
        return {
          problem: `couldn't find default value for ${key}: associative list may not have non-map types`,
        };
      }
      field = map.field(key)?.default;
    }
    if (field === undefined) continue;
    text += `${text === "k:{" ? "" : ","}${encode(key)}:${encode(field)}`;
  }
  if (text === "k:{") {
    return {
      problem: `associative list with keys has an element that omits all key fields [${list.keys
        .map((key) => JSON.stringify(key))
        .join(" ")}] (and doesn't have default values for any key fields)`,
    };
  }
  return `${text}}`;
}

function setElement(value: JsonValue): string | { problem: string } {
  if (value === null) return { problem: "associative list without keys has an element that's an explicit null" };
  if (Array.isArray(value)) return { problem: "not supported: associative list with lists as elements" };
  if (isJsonObject(value)) return { problem: "associative list without keys has an element that's a map type" };
  return `v:${encode(value)}`;
}

function encode(value: JsonValue): string {
  if (typeof value === "string" && plainText.test(value)) return `"${value}"`;
  return typeof value === "number" ? String(value) : canonicalJson(value);
}
