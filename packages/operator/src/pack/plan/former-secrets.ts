import { getField, isJsonObject, type JsonObject, type JsonValue } from "@podwright/kube";

/**
 * The texts that stood, in the values of a release, where now texts of Secrets stand: what a Secret held before is not
 * to be shown either.
 */
export function formerSecrets(
  former: JsonValue | undefined,
  values: JsonObject,
  secretTexts: readonly string[],
): string[] {
  const secrets = new Set(secretTexts);
  const found: string[] = [];
  const compare = (before: JsonValue | undefined, now: JsonValue | undefined): void => {
    if (Array.isArray(now)) {
      if (Array.isArray(before)) for (const [index, value] of now.entries()) compare(before[index], value);
    } else if (isJsonObject(now)) {
      if (isJsonObject(before)) for (const [key, value] of Object.entries(now)) compare(getField(before, key), value);
    } else if (typeof before === "string" && before !== "" && typeof now === "string" && secrets.has(now.trim())) {
      found.push(before);
    }
  };
  compare(former, values);
  return found;
}
