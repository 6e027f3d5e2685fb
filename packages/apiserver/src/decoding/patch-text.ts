import { isJsonObject, type JsonValue, type KubeObject, stringifyJson } from "@podwright/kube";

/** A value as Go prints a map: `map[a:1 b:map[c:[x y]]]`. Errors about strategic merge patches show the patch so. */
export function goValue(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goValue).join(" ")}]`;
  if (!isJsonObject(value)) return String(value);
  const keys = Object.keys(value).sort();
  return `map[${keys.map((key) => `${key}:${goValue(value[key])}`).join(" ")}]`;
}

/** The patched object as errors about JSON and merge patches show it: its fields sorted, theirs as they are. */
export function patchedText(object: KubeObject): string {
  return stringifyJson(Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))));
}
