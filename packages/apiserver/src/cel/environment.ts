import { createRequire } from "node:module";
import type { Environment } from "@marcbachmann/cel-js";
import { compilePattern } from "../crd/compile-pattern.ts";
import { registerAddresses } from "./address-library.ts";
import { registerFormat } from "./format-library.ts";
import { registerQuantities } from "./quantity-library.ts";
import { registerSets } from "./sets-library.ts";
import { registerUrls } from "./url-library.ts";

export type { Environment } from "@marcbachmann/cel-js";

/** The name that `matches` has in a compiled expression (program.ts): the package's own could be made to hang. */
export const matchesFunction = "matchesRe2";

/**
 * CEL with the functions that Kubernetes adds (k8s.io/apiserver/pkg/cel/environment/base.go): lists, find,
 * quantities, addresses, URLs, sets, format, replace and charAt of strings; not its named formats and semantic versions.
 * Without variables. The package is loaded with the first call: most servers
 * never see an expression.
 */
export function createEnvironment(): Environment {
  const { Environment } = createRequire(import.meta.url)(
    "@marcbachmann/cel-js",
  ) as typeof import("@marcbachmann/cel-js");
  const environment = new Environment({ enableOptionalTypes: true });
  for (const register of [registerQuantities, registerAddresses, registerUrls, registerSets, registerFormat]) {
    register(environment);
  }
  return environment
    .registerFunction(`string.${matchesFunction}(string): bool`, (text: string, pattern: string) =>
      compilePattern(pattern)(text),
    )
    .registerFunction("string.find(string): string", (text: string, pattern: string) => findAll(text, pattern)[0] ?? "")
    .registerFunction("string.findAll(string): list<string>", findAll)
    .registerFunction("string.replace(string, string): string", (text: string, from: string, to: string) =>
      text.replaceAll(from, () => to),
    )
    .registerFunction("string.charAt(int): string", (text: string, index: bigint) => [...text][Number(index)] ?? "")
    .registerFunction("list.isSorted(): bool", (list: Ordered[]) =>
      list.every((item, index) => index === 0 || (list[index - 1] as Ordered) <= item),
    )
    .registerFunction("list.sum(): dyn", (list: (bigint | number)[]) =>
      list.reduce((sum, item) => (sum as number) + (item as number), typeof list[0] === "number" ? 0 : 0n),
    )
    .registerFunction("list.min(): dyn", (list: Ordered[]) => extreme(list, (a, b) => a < b))
    .registerFunction("list.max(): dyn", (list: Ordered[]) => extreme(list, (a, b) => a > b))
    .registerFunction("list.indexOf(dyn): int", (list: unknown[], item: unknown) => BigInt(list.indexOf(item)))
    .registerFunction("list.lastIndexOf(dyn): int", (list: unknown[], item: unknown) => BigInt(list.lastIndexOf(item)));
}

type Ordered = bigint | number | string;

function extreme(list: readonly Ordered[], isBetter: (a: Ordered, b: Ordered) => boolean): Ordered {
  const [first, ...rest] = list;
  if (first === undefined) throw new Error("min/max called on an empty list");
  return rest.reduce((best, item) => (isBetter(item, best) ? item : best), first);
}

function findAll(text: string, pattern: string): string[] {
  const { RE2JS } = createRequire(import.meta.url)("re2js") as typeof import("re2js");
  const matcher = RE2JS.compile(pattern).matcher(text);
  const found: string[] = [];
  while (matcher.find()) found.push(matcher.group() ?? "");
  return found;
}
