// Run by helm as a post-renderer: manifests come in, patched ones go out. The argument is a file with the patches.
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { messageOf } from "@podwright/kube";
import { patchManifest } from "./patches.ts";

const file = process.argv.at(-1) ?? "";
try {
  process.stdout.write(await patchManifest(await text(process.stdin), JSON.parse(await readFile(file, "utf8"))));
} catch (error) {
  console.error(`spec.postRender: ${messageOf(error)}`);
  process.exitCode = 1;
}
