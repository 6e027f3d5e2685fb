import { type KubeObject, stringifyJson } from "@podwright/kube";

/** The patched object as errors about JSON and merge patches show it: its fields sorted, theirs as they are. */
export function patchedText(object: KubeObject): string {
  return stringifyJson(Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))));
}
