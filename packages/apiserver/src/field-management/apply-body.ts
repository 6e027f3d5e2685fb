import { isJsonObject, type JsonObject, type JsonValue, parseJson, status } from "@podwright/kube";
import { jsonTypeName } from "../decoding/body.ts";
import { maxDepth } from "../decoding/depth.ts";
import type { ApiRequest } from "../request.ts";
import { duplicateYamlKeys, yamlToJson } from "../yaml.ts";

export interface ApplyBody {
  config: JsonObject;
  /** `line 7: key "a" already set in map`: what strict decoding says. */
  duplicates: string[];
}

/** Reads what is applied: YAML, of which JSON is a part. Throws a 400 Status. */
export function readApplyBody({ body }: ApiRequest): ApplyBody {
  if (body !== undefined && !(body instanceof Uint8Array)) {
    return { config: body as unknown as JsonObject, duplicates: [] };
  }
  const text = Buffer.from(body ?? new Uint8Array()).toString("utf8");
  const { value, hasDuplicates } = parseBody(text);
  if (value !== null && !isJsonObject(value)) {
    const type = `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type map[string]interface {}`;
    throw status.badRequest(`error decoding YAML: error unmarshaling JSON: while decoding JSON: ${type}`);
  }
  return { config: value ?? {}, duplicates: hasDuplicates ? duplicateYamlKeys(text) : [] };
}

function parseBody(text: string): { value: JsonValue; hasDuplicates: boolean } {
  try {
    if (/^\s*\{/.test(text)) {
      const { value, duplicates } = parseJson(text, maxDepth);
      return { value, hasDuplicates: duplicates.length > 0 };
    }
  } catch {
    // Flow mappings of YAML look like JSON.
  }
  try {
    const { value, duplicates } = parseJson(yamlToJson(text), maxDepth);
    return { value, hasDuplicates: duplicates.length > 0 };
  } catch (error) {
    const { message } = error as Error;
    throw status.badRequest(`error decoding YAML: error converting YAML to JSON: ${message}`);
  }
}
