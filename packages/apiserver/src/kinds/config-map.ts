import { type FieldError, fieldError, isConfigMapKey, type KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { equalJson } from "../resources/equal.ts";
import { type Errors, invalid } from "./field-checks.ts";
import type { NativeKind } from "./kind.ts";

export const configMap: NativeKind = {
  validate: validateConfigMap,
  validateUpdate: (object, old) => [
    ...immutableData(object, old, ["data", "binaryData"]),
    ...validateConfigMap(object),
  ],
  table: {
    columns: [nameColumn, column("Data", "The number of entries."), ageColumn],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      Object.keys(object["data"] ?? {}).length + Object.keys(object["binaryData"] ?? {}).length,
      age(object, nowMs),
    ],
  },
};

/** How much a ConfigMap or a Secret may hold. */
export const maxDataBytes = 1024 * 1024;

function validateConfigMap(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const data: Record<string, string> = object["data"] ?? {};
  const binaryData: Record<string, string> = object["binaryData"] ?? {};
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    invalid(errors, `data[${key}]`, key, isConfigMapKey(key));
    if (Object.hasOwn(binaryData, key)) {
      errors.push(fieldError.invalid(`data[${key}]`, key, "duplicate of key present in binaryData"));
    }
    bytes += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    invalid(errors, `binaryData[${key}]`, key, isConfigMapKey(key));
    bytes += Buffer.byteLength(value, "base64");
  }
  // The whole object is too long: no field is to blame.
  if (bytes > maxDataBytes) errors.push(fieldError.tooLong("[]", maxDataBytes));
  return errors;
}

/** What `immutable: true` keeps from changing, itself included. */
export function immutableData(object: KubeObject, old: KubeObject, fields: readonly string[]): FieldError[] {
  if (!old["immutable"]) return [];
  const detail = "field is immutable when `immutable` is set";
  const errors = object["immutable"] ? [] : [fieldError.forbidden("immutable", detail)];
  for (const field of fields) {
    if (!equalJson(object[field], old[field])) errors.push(fieldError.forbidden(field, detail));
  }
  return errors;
}
