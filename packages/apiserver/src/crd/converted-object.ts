import {
  cloneJson,
  type FieldError,
  fieldError,
  formatFieldError,
  isJsonObject,
  isLabelValue,
  isQualifiedName,
  type JsonObject,
  type JsonValue,
  joinMessages,
  type KubeObject,
} from "@podwright/kube";

/** A conversion may not make another object of one. Throws an Error with upstream's text. */
export function checkIdentity(original: KubeObject, converted: JsonObject): void {
  const metadata = isJsonObject(converted["metadata"]) ? converted["metadata"] : {};
  const mustBeSame = (what: string, expected: string | undefined, got: JsonValue | undefined) => {
    const text = typeof got === "string" ? got : "";
    if ((expected ?? "") !== text) throw new Error(`must have the same ${what}: ${expected ?? ""} != ${text}`);
  };
  mustBeSame("name", original.metadata?.name, metadata["name"]);
  mustBeSame("namespace", original.metadata?.namespace, metadata["namespace"]);
  mustBeSame("UID", original.metadata?.uid, metadata["uid"]);
}

/**
 * The converted object with the metadata it had before, but for labels and annotations, which a webhook may change
 * (k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go, restoreObjectMeta). Throws an Error
 * with upstream's text.
 */
export function withOriginalMetadata(original: KubeObject, converted: JsonObject): KubeObject {
  const given = converted["metadata"];
  if (given === undefined) throw new Error("missing metadata in converted object");
  if (!isJsonObject(given)) throw new Error(`invalid metadata of type ${goType(given)} in converted object`);
  const metadata = cloneJson((original.metadata ?? {}) as JsonValue) as JsonObject;
  for (const field of ["labels", "annotations"] as const) {
    const texts = given[field];
    if (texts === undefined || texts === null) {
      delete metadata[field];
      continue;
    }
    if (!isJsonObject(texts)) {
      throw new Error(`invalid metadata.${field} of type ${goType(texts)} in converted object`);
    }
    checkTexts(field, texts, (metadata[field] ?? {}) as JsonObject);
    metadata[field] = texts;
  }
  return { ...converted, metadata } as unknown as KubeObject;
}

function checkTexts(field: "labels" | "annotations", texts: JsonObject, before: JsonObject): void {
  for (const [key, value] of Object.entries(texts)) {
    if (typeof value === "string") continue;
    const type = goType(value as JsonValue);
    throw new Error(`metadata.${field}[${key}] must be a string, but is ${type} in converted object`);
  }
  const entries = Object.entries(texts) as [string, string][];
  if (entries.length === Object.keys(before).length && entries.every(([key, value]) => before[key] === value)) return;
  const errors = field === "labels" ? labelErrors(entries) : annotationErrors(entries);
  if (errors.length > 0) throw new Error(joinMessages(errors.map(formatFieldError)));
}

function labelErrors(labels: readonly [string, string][]): FieldError[] {
  return labels.flatMap(([key, value]) => [
    ...isQualifiedName(key).map((text) => fieldError.invalid("metadata.labels", key, text)),
    ...isLabelValue(value).map((text) => fieldError.invalid("metadata.labels", value, text)),
  ]);
}

/** Upstream says "annotation" here. */
function annotationErrors(annotations: readonly [string, string][]): FieldError[] {
  return annotations.flatMap(([key]) =>
    isQualifiedName(key.toLowerCase()).map((text) => fieldError.invalid("metadata.annotation", key, text)),
  );
}

/** What Go's decoder makes of a JSON value, as %T prints it. */
function goType(value: JsonValue): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return "[]interface {}";
  switch (typeof value) {
    case "object":
      return "map[string]interface {}";
    case "boolean":
      return "bool";
    case "string":
      return "string";
    default:
      return Number.isInteger(Number(value)) ? "int64" : "float64";
  }
}
