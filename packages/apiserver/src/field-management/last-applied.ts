import {
  type ApplyConflict,
  type ApplySchema,
  compareObjects,
  FieldSet,
  fieldSetOf,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type KubeObject,
  parseJson,
} from "@podwright/kube";

const annotation = "kubectl.kubernetes.io/last-applied-configuration";
const maxAnnotationBytes = 256 * 1024;

/** Client-side apply is taken over from, and kept in step with, by this manager only. */
export const kubectlManager = "kubectl";

/**
 * The conflicts that are left when what `kubectl apply` has last applied, and is still so, is the applier's own
 * (internal/lastappliedmanager.go). Undefined: the object has no such annotation that can be read.
 */
export function conflictsWithoutLastApplied(
  conflicts: ApplyConflict["conflicts"],
  live: KubeObject,
  schema: ApplySchema,
): ApplyConflict["conflicts"] | undefined {
  const text = live.metadata.annotations?.[annotation];
  if (!text) return undefined;
  try {
    const applied = parseJson(text).value;
    if (!isJsonObject(applied) || applied["apiVersion"] !== live.apiVersion) return undefined;
    const { added, modified, removed } = compareObjects(applied, live as JsonValue, schema);
    const kept = fieldSetOf(applied, schema).difference(modified).difference(added).difference(removed);
    const disputed = FieldSet.of(...conflicts.map(({ path }) => path));
    if (disputed.difference(kept).isEmpty()) return [];
    return conflicts.filter(({ path }) => !kept.has(path));
  } catch {
    return undefined;
  }
}

/** Writes what was applied into the annotation, where there is one (internal/lastappliedupdater.go). Gives a new object. */
export function withLastApplied(object: KubeObject, applied: JsonObject): KubeObject {
  const annotations = object.metadata.annotations;
  if (!annotations?.[annotation]) return object;
  const updated = { ...annotations, [annotation]: textOf(applied) };
  const bytes = Object.entries(updated).reduce((sum, [key, value]) => sum + Buffer.byteLength(key + value), 0);
  const { [annotation]: _, ...others } = updated;
  return {
    ...object,
    metadata: { ...object.metadata, annotations: bytes > maxAnnotationBytes ? others : updated },
  };
}

/** As Go writes it: sorted, and with what HTML gives a meaning escaped. */
function textOf(applied: JsonObject): string {
  const text = JSON.stringify(sorted(withoutAnnotation(applied)));
  const escaped = text.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `${escaped}\n`;
}

function withoutAnnotation(applied: JsonObject): JsonObject {
  const metadata = applied["metadata"];
  if (!isJsonObject(metadata) || !isJsonObject(metadata["annotations"])) return applied;
  const { [annotation]: _, ...annotations } = metadata["annotations"];
  return { ...applied, metadata: { ...metadata, annotations } };
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  const fields = Object.keys(value).sort();
  return Object.fromEntries(fields.map((field) => [field, sorted(value[field] as JsonValue)]));
}
