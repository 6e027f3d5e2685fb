import { labelSelectorFromObject } from "@podwright/kube";
import type { Struct } from "./kind.ts";

/** Labels as tables show them: "a=1,b=2", or "<none>". */
export function formatLabels(labels: Record<string, string> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? "<none>" : pairs.sort().join(",");
}

/** A label selector as a query would have it: "app=web,tier in (a,b)". */
export function labelSelectorText(selector: Struct | undefined, whenInvalid: string): string {
  if (selector === undefined) return "";
  try {
    return labelSelectorFromObject(selector).toString();
  } catch {
    return whenInvalid;
  }
}
