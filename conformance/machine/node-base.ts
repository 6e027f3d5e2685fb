import { execFile } from "node:child_process";
import { readFile, realpath } from "node:fs/promises";
import { promisify } from "node:util";
import { layerArchive } from "./images.ts";

/**
 * A root file system with this machine's Node.js and the libraries that it loads, for `docker import`: what stands in
 * for node:24-slim where no registry is reached.
 */
export async function nodeRootFs(): Promise<Buffer> {
  const node = await realpath(process.execPath);
  const { stdout } = await promisify(execFile)("ldd", [node]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path as string);
  return layerArchive([
    { name: "tmp/", mode: 0o1777 },
    { name: "usr/local/bin/node", content: await readFile(node), mode: 0o755 },
    ...(await Promise.all(
      libraries.map(async (path) => ({ name: path.slice(1), content: await readFile(path), mode: 0o755 })),
    )),
    { name: "etc/passwd", content: "root:x:0:0:root:/root:/bin/sh\n" },
  ]);
}
