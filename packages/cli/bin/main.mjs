// Where the command begins, on a Node.js that is new enough. JavaScript: were it TypeScript, what strips types would be
// loaded for this file alone. All others come stripped and compiled from the cache, from the second start on.
import { enableCompileCache, registerHooks } from "node:module";

enableCompileCache();
// Our files name each other in full: there is nothing to look up, which takes as long as reading them.
registerHooks({
  resolve(specifier, context, next) {
    if (!specifier.startsWith(".") || !specifier.endsWith(".ts")) return next(specifier, context);
    return { url: new URL(specifier, context.parentURL).href, format: "module-typescript", shortCircuit: true };
  },
});
await import("../src/program.ts");
