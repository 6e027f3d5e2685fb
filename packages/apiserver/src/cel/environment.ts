import { createRequire } from "node:module";
import type { Environment } from "@marcbachmann/cel-js";
import { compilePattern } from "../crd/compile-pattern.ts";
import { registerAddresses } from "./address-library.ts";
import { matchesFunction } from "./call-cost.ts";
import { registerFormat } from "./format-library.ts";
import { registerLists } from "./list-library.ts";
import { registerMacros } from "./macros.ts";
import { registerNamedFormats } from "./named-format-library.ts";
import { registerQuantities } from "./quantity-library.ts";
import { registerSemver } from "./semver-library.ts";
import { registerSets } from "./sets-library.ts";
import { registerUrls } from "./url-library.ts";

export type { Environment } from "@marcbachmann/cel-js";

const libraries = [
  registerQuantities,
  registerAddresses,
  registerUrls,
  registerSets,
  registerFormat,
  registerLists,
  registerSemver,
  registerNamedFormats,
  registerMacros,
];

/**
 * CEL with the functions that Kubernetes adds (k8s.io/apiserver/pkg/cel/environment/base.go): lists, find,
 * quantities, addresses, URLs, sets, formats, semantic versions, loops with two variables, and more of strings and lists.
 * Without variables. The package is loaded with the first call: most servers
 * never see an expression.
 */
export function createEnvironment(): Environment {
  const { Environment } = createRequire(import.meta.url)(
    "@marcbachmann/cel-js",
  ) as typeof import("@marcbachmann/cel-js");
  const environment = new Environment({ enableOptionalTypes: true });
  for (const register of libraries) register(environment);
  return environment
    .registerFunction(`string.${matchesFunction}(string): bool`, (text: string, pattern: string) =>
      compilePattern(pattern)(text),
    )
    .registerFunction("string.find(string): string", (text: string, pattern: string) => findAll(text, pattern)[0] ?? "")
    .registerFunction("string.findAll(string): list<string>", findAll)
    .registerFunction("string.findAll(string, int): list<string>", (text: string, pattern: string, limit: bigint) =>
      limit < 0n ? findAll(text, pattern) : findAll(text, pattern).slice(0, Number(limit)),
    )
    .registerFunction("string.replace(string, string, int): string", replaceSome)
    .registerFunction("string.replace(string, string): string", (text: string, from: string, to: string) =>
      text.replaceAll(from, () => to),
    )
    .registerFunction("string.charAt(int): string", (text: string, index: bigint) => [...text][Number(index)] ?? "")
    .registerType("ext.strings", { ctor: StringsNamespace, fields: {} })
    .registerConstant("strings", "ext.strings", new StringsNamespace())
    .registerFunction("ext.strings.quote(string): string", (_strings: StringsNamespace, text: string) => quoted(text));
}

class StringsNamespace {}

const escapes: Readonly<Record<string, string>> = {
  "\x07": "a",
  "\b": "b",
  "\f": "f",
  "\n": "n",
  "\r": "r",
  "\t": "t",
  "\v": "v",
  '"': '"',
  "\\": "\\",
};

function quoted(text: string): string {
  return `"${[...text].map((each) => (escapes[each] === undefined ? each : `\\${escapes[each]}`)).join("")}"`;
}

/** @param limit of replacements; negative for all */
function replaceSome(text: string, from: string, to: string, limit: bigint): string {
  let count = 0n;
  return text.replaceAll(from, (found) => {
    count++;
    return limit >= 0n && count > limit ? found : to;
  });
}

function findAll(text: string, pattern: string): string[] {
  const { RE2JS } = createRequire(import.meta.url)("re2js") as typeof import("re2js");
  const matcher = RE2JS.compile(pattern).matcher(text);
  const found: string[] = [];
  while (matcher.find()) found.push(matcher.group() ?? "");
  return found;
}
