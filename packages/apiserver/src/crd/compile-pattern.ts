import { RE2JS } from "re2js";

/**
 * Compiles a schema's `pattern`. RE2 takes time linear in the value, as Go's regexp does: a JavaScript RegExp could
 * be made to hang the server. Throws when the pattern is not RE2.
 */
export function compilePattern(pattern: string): (value: string) => boolean {
  const compiled = RE2JS.compile(pattern);
  return (value) => compiled.matcher(value).find();
}
