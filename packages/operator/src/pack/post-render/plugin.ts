import { createHash, randomUUID } from "node:crypto";
import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Helm } from "../helm/helm.ts";
import type { Pack } from "../pack.ts";

const pluginName = "podwright-patches";

/**
 * The post-renderer with a Pack's patches; undefined when it has none. For helm 4 a plugin, for helm 3, which knows no
 * such plugins, a program. What is written is the same for the same patches, and stays.
 */
export async function postRendererOf(
  helm: Pick<Helm, "plugins" | "major">,
  pack: Pack,
): Promise<{ name: string; argument: string } | undefined> {
  const { postRender } = pack.spec;
  if (postRender === undefined || postRender.length === 0) return undefined;
  const isPlugin = (await helm.major()) >= 4;
  const folder = isPlugin ? join(helm.plugins, pluginName) : `${helm.plugins}-3`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const text = JSON.stringify(postRender);
  const argument = join(folder, `${createHash("sha256").update(text).digest("hex")}.json`);
  await put(argument, text);
  if (isPlugin) {
    await put(join(folder, "plugin.yaml"), JSON.stringify(manifest()));
    return { name: pluginName, argument };
  }
  const program = join(folder, `${pluginName}.sh`);
  await put(program, `#!/bin/sh\nexec ${[process.execPath, main()].map(quoted).join(" ")} "$@"\n`, 0o700);
  return { name: program, argument };
}

function manifest() {
  return {
    apiVersion: "v1",
    type: "postrenderer/v1",
    name: pluginName,
    version: "0.1.0",
    runtime: "subprocess",
    runtimeConfig: { platformCommand: [{ command: process.execPath, args: [main()] }] },
  };
}

function main(): string {
  return fileURLToPath(new URL("main.ts", import.meta.url));
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

async function put(path: string, text: string, mode = 0o600): Promise<void> {
  const unfinished = `${path}.${randomUUID()}`;
  await writeFile(unfinished, text, { mode });
  await chmod(unfinished, mode);
  await rename(unfinished, path);
}
