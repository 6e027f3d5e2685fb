import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Pack } from "../pack.ts";

const pluginName = "podwright-patches";

/**
 * The post-renderer plugin for helm 4 with a Pack's patches; undefined when it has none. What is written is the same
 * for the same patches, and stays.
 */
export async function postRendererOf(
  folder: string,
  pack: Pack,
): Promise<{ name: string; argument: string } | undefined> {
  const { postRender } = pack.spec;
  if (postRender === undefined || postRender.length === 0) return undefined;
  const plugin = join(folder, pluginName);
  await mkdir(plugin, { recursive: true, mode: 0o700 });
  await put(join(plugin, "plugin.yaml"), JSON.stringify(manifest()));
  const text = JSON.stringify(postRender);
  const argument = join(plugin, `${createHash("sha256").update(text).digest("hex")}.json`);
  await put(argument, text);
  return { name: pluginName, argument };
}

function manifest() {
  return {
    apiVersion: "v1",
    type: "postrenderer/v1",
    name: pluginName,
    version: "0.1.0",
    runtime: "subprocess",
    runtimeConfig: {
      platformCommand: [{ command: process.execPath, args: [fileURLToPath(new URL("main.ts", import.meta.url))] }],
    },
  };
}

async function put(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${randomUUID()}`;
  await writeFile(unfinished, text, { mode: 0o600 });
  await rename(unfinished, path);
}
