import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";

/**
 * Makes JavaScript of the TypeScript in a copy of the packages, which then starts without what strips types: half a
 * second less, and 25 MB. Files named in code and in package.json take their new names. Every word stays where it is.
 */
export async function stripTypes(packages: string): Promise<void> {
  for (const entry of await readdir(packages, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if (entry.name.endsWith(".ts")) {
      await writeFile(`${path.slice(0, -3)}.js`, renamed(stripTypeScriptTypes(await readFile(path, "utf8"))));
      await rm(path);
    } else if (entry.name.endsWith(".mjs") || entry.name === "package.json") {
      await writeFile(path, renamed(await readFile(path, "utf8")));
    }
  }
}

function renamed(text: string): string {
  return text.replace(/(["'])([^"'\s]+)\.ts\1/g, "$1$2.js$1");
}
