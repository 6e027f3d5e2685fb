import { isJsonObject, type JsonValue } from "@podwright/kube";

export interface StrictError {
  type: "unknown" | "duplicate";
  /** "spec.template.spec.containers[0].foo" */
  path: string;
}

/**
 * What strict decoding found, in the order of the body, as Go's decoder names it: reading goes field by field, and
 * says of an unknown field nothing but that. Parsing keeps the fields' order, so a walk gives it back.
 */
export function inOrderOfBody(
  value: JsonValue,
  unknown: readonly string[],
  duplicates: readonly string[],
): StrictError[] {
  const found = new Map<string, StrictError>();
  for (const path of duplicates) found.set(path, { type: "duplicate", path });
  for (const path of unknown) found.set(path, { type: "unknown", path });
  if (found.size < 2) return [...found.values()];
  const ordered: StrictError[] = [];
  const visit = (at: JsonValue | undefined, path: string): void => {
    const error = found.get(path);
    if (error?.type === "unknown") {
      ordered.push(error);
      found.delete(path);
      return;
    }
    if (Array.isArray(at)) {
      at.forEach((item, index) => {
        visit(item, `${path}[${index}]`);
      });
    } else if (isJsonObject(at)) {
      for (const [key, field] of Object.entries(at)) visit(field, path === "" ? key : `${path}.${key}`);
    }
    if (error !== undefined) {
      ordered.push(error);
      found.delete(path);
    }
  };
  visit(value, "");
  return [...ordered, ...found.values()];
}
