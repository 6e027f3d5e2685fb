import { createRequire } from "node:module";

/**
 * Compiles a schema's `pattern`. RE2 takes time linear in the value, as Go's regexp does: a JavaScript RegExp could
 * be made to hang the server. Throws when the pattern is not RE2.
 */
export function compilePattern(pattern: string): (value: string) => boolean {
  // Loaded with the first pattern: a server that has none starts without it.
  const { RE2JS } = createRequire(import.meta.url)("re2js") as typeof import("re2js");
  const compiled = RE2JS.compile(pattern);
  return (value) => compiled.matcher(value).find();
}
