/** Files and folders of the node itself (k8s.io/kubernetes/pkg/volume/hostpath/host_path.go). */
import type { Stats } from "node:fs";
import { chmod, mkdir, open, stat } from "node:fs/promises";
import type { HostPathSource } from "./volume-sources.ts";

const kinds: Readonly<Record<string, { is: (status: Stats) => boolean; what: string }>> = {
  Directory: { is: (status) => status.isDirectory(), what: "a directory" },
  File: { is: (status) => status.isFile(), what: "a file" },
  Socket: { is: (status) => status.isSocket(), what: "a socket file" },
  CharDevice: { is: (status) => status.isCharacterDevice(), what: "a character device" },
  BlockDevice: { is: (status) => status.isBlockDevice(), what: "a block device" },
};

/**
 * Checks that the path is what its type says, and makes what is to be made. Throws with upstream's message.
 *
 * @param mode of a folder that is made; 0755 where nothing is said
 */
export async function checkHostPath({ path, type = "" }: HostPathSource, mode = 0o755): Promise<void> {
  if (path.split("/").includes("..")) throw new Error(`invalid HostPath \`${path}\`: must not contain '..'`);
  let status = await stat(path).catch(() => undefined);
  // Without a type nothing is checked; runtimes make a folder of what is not there.
  const makes = type === "" ? "DirectoryOrCreate" : type;
  if (status === undefined && makes === "DirectoryOrCreate") {
    await mkdir(path, { recursive: true });
    await chmod(path, mode);
    status = await stat(path);
  } else if (status === undefined && makes === "FileOrCreate") {
    await (await open(path, "a", 0o644)).close();
    status = await stat(path);
  }
  if (type === "") return;
  const kind = kinds[type.replace(/OrCreate$/, "")];
  if (kind === undefined) throw new Error(`${type} is an invalid volume type`);
  if (status === undefined || !kind.is(status)) {
    throw new Error(`hostPath type check failed: ${path} is not ${kind.what}`);
  }
}
