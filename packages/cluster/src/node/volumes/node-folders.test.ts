import { chmod, lstat, mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Pod } from "../../kinds.ts";
import { podOf } from "../../testing/objects.ts";
import { makeEmptyDir } from "./empty-dir.ts";
import { checkHostPath } from "./host-path.ts";
import { type Mounts, mountPointsBelow, systemMounts } from "./mounts.ts";
import { nestedMountPoints } from "./nested-mount-points.ts";
import { fsGroupOf, fsUserOf, giveToGroup } from "./ownership.ts";
import { removeFolder } from "./removal.ts";

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "podwright-folders-")));
});
afterEach(() => removeFolder(folder, systemMounts(), undefined));
const mode = async (path: string): Promise<number> => (await lstat(path)).mode & 0o7777;
const isRoot = process.getuid?.() === 0;

describe("hostPath", () => {
  test("makes what is to be made", async () => {
    await checkHostPath({ path: join(folder, "a/b"), type: "DirectoryOrCreate" });
    expect(await mode(join(folder, "a/b"))).toBe(0o755);
    await checkHostPath({ path: join(folder, "f"), type: "FileOrCreate" });
    expect((await stat(join(folder, "f"))).isFile()).toBe(true);
    await checkHostPath({ path: join(folder, "untyped") });
    expect((await stat(join(folder, "untyped"))).isDirectory()).toBe(true);
  });

  test("checks what is there", async () => {
    const socket = join(folder, "socket");
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once("listening", resolve));
    const file = join(folder, "file");
    await writeFile(file, "");
    await checkHostPath({ path: socket, type: "Socket" });
    await checkHostPath({ path: "/dev/null", type: "CharDevice" });
    await checkHostPath({ path: folder, type: "Directory" });
    await checkHostPath({ path: file, type: "File" });
    const refused: [string, string, string][] = [
      [folder, "File", "not a file"],
      [folder, "FileOrCreate", "not a file"],
      [file, "Directory", "not a directory"],
      [file, "DirectoryOrCreate", "not a directory"],
      [join(folder, "none"), "Directory", "not a directory"],
      [file, "Socket", "not a socket file"],
      [file, "CharDevice", "not a character device"],
      [file, "BlockDevice", "not a block device"],
    ];
    for (const [path, type, what] of refused) {
      const message = `hostPath type check failed: ${path} is ${what}`;
      await expect(checkHostPath({ path, type })).rejects.toThrow(message);
    }
    await expect(checkHostPath({ path: "/a/../b" })).rejects.toThrow(
      "invalid HostPath `/a/../b`: must not contain '..'",
    );
    await new Promise((resolve) => server.close(resolve));
  });
});

describe("emptyDir", () => {
  const options = (pod: Pod, mounts?: Mounts) => ({
    pod,
    allocatableMemory: 1 << 30,
    mounts,
    ownership: undefined,
    notInMemory: (why: string) => warnings.push(why),
  });
  let warnings: string[] = [];
  beforeEach(() => {
    warnings = [];
  });

  test("is a folder for everybody, and keeps what is in it", async () => {
    const path = join(folder, "v");
    await makeEmptyDir(path, {}, options(podOf("p", [{}])));
    expect(await mode(path)).toBe(0o777);
    await writeFile(join(path, "kept"), "");
    await makeEmptyDir(path, {}, options(podOf("p", [{}])));
    expect((await stat(join(path, "kept"))).isFile()).toBe(true);
  });

  test("in memory it is a file system of the size that is allowed", async () => {
    const made: { path: string; options: readonly string[] }[] = [];
    const mounts: Mounts = {
      tmpfs: async (path, given) => void made.push({ path, options: given }),
      bind: async () => {},
      unmount: async () => {},
      below: async () => [],
    };
    const limited = podOf("p", [{ resources: { limits: { memory: "64Mi" } } }]);
    await makeEmptyDir(join(folder, "a"), { medium: "Memory" }, options(limited, mounts));
    await makeEmptyDir(join(folder, "b"), { medium: "Memory", sizeLimit: "1Mi" }, options(limited, mounts));
    await makeEmptyDir(join(folder, "c"), { medium: "Memory" }, options(podOf("p", [{}]), mounts));
    expect(made.map((mount) => mount.options[0])).toEqual([`size=${64 << 20}`, `size=${1 << 20}`, `size=${1 << 30}`]);
  });

  test("in memory without the right to mount it is a plain folder, and that is said", async () => {
    await makeEmptyDir(join(folder, "v"), { medium: "Memory" }, options(podOf("p", [{}])));
    expect(warnings).toEqual(["this process may not mount file systems"]);
  });

  test("other media are refused", async () => {
    const making = makeEmptyDir(join(folder, "v"), { medium: "Tape" }, options(podOf("p", [{}])));
    await expect(making).rejects.toThrow('unknown storage medium "Tape"');
  });
});

describe("ownership", () => {
  test.skipIf(!isRoot)("a group gets all files, links are left alone (needs root)", async () => {
    await mkdir(join(folder, "sub"));
    await writeFile(join(folder, "sub", "f"), "", { mode: 0o600 });
    await writeFile(`${folder}.outside`, "", { mode: 0o600 });
    await symlink(`${folder}.outside`, join(folder, "link"));
    await chmod(folder, 0o755);
    await giveToGroup(folder, { group: 4242, readOnly: false });
    expect(await mode(folder)).toBe(0o2775);
    expect(await mode(join(folder, "sub", "f"))).toBe(0o660);
    expect((await lstat(join(folder, "sub", "f"))).gid).toBe(4242);
    expect((await lstat(join(folder, "link"))).gid).toBe(4242);
    expect((await stat(`${folder}.outside`)).gid).not.toBe(4242);
    expect(await mode(`${folder}.outside`)).toBe(0o600);
    await rm(`${folder}.outside`);
  });

  test.skipIf(!isRoot)("with OnRootMismatch a folder that has the group is not walked (needs root)", async () => {
    await giveToGroup(folder, { group: 4242, readOnly: false });
    await writeFile(join(folder, "later"), "", { mode: 0o600 });
    await giveToGroup(folder, { group: 4242, readOnly: false, onRootMismatch: true });
    expect(await mode(join(folder, "later"))).toBe(0o600);
    await giveToGroup(folder, { group: 4343, readOnly: true, onRootMismatch: true });
    expect(await mode(join(folder, "later"))).toBe(0o640);
  });

  test("what the pod says of groups and users", () => {
    const pod = podOf("p", [{ securityContext: { runAsUser: 7 } } as object, {}], {
      securityContext: { fsGroup: 5, fsGroupChangePolicy: "OnRootMismatch", runAsUser: 7 },
    } as object);
    expect(fsGroupOf(pod)).toEqual({ group: 5, onRootMismatch: true });
    expect(fsUserOf(pod)).toBe(7);
    expect(fsUserOf(podOf("p", [{ securityContext: { runAsUser: 7 } } as object, {}]))).toBeUndefined();
  });
});

test("mount points are found with blanks in their paths, the deepest first", () => {
  const info = [
    "20 1 0:1 / / rw - ext4 /dev/sda rw",
    "21 20 0:2 / /n/pods/a\\040b rw - tmpfs tmpfs rw",
    "22 21 0:3 / /n/pods/a\\040b/c rw - tmpfs tmpfs rw",
    "23 20 0:4 / /n/pods/ab rw - tmpfs tmpfs rw",
  ].join("\n");
  expect(mountPointsBelow(info, "/n/pods/a b")).toEqual(["/n/pods/a b/c", "/n/pods/a b"]);
});

test("of mount points in a volume the outermost are made", () => {
  const pod = podOf("p", [
    {
      volumeMounts: [
        { name: "v", mountPath: "/dir" },
        { name: "a", mountPath: "/dir/nested" },
        { name: "b", mountPath: "/dir/nested/double" },
        { name: "c", mountPath: "/dir/nested2" },
        { name: "d", mountPath: "/directory" },
      ],
    },
  ]);
  expect(nestedMountPoints(pod, "v").sort()).toEqual(["nested", "nested2"]);
});
