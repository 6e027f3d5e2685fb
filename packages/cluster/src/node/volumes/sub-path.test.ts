import { chmod, mkdir, mkdtemp, readFile, realpath, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Mounts, systemMounts } from "./mounts.ts";
import { removeFolder } from "./removal.ts";
import { makeBelow, openBelow } from "./safe-path.ts";
import { provideSubPath } from "./sub-path.ts";

let folder: string;
let volume: string;
let target: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "podwright-sub-path-")));
  volume = join(folder, "volume");
  target = join(folder, "pod", "volume-subpaths", "v", "c", "0");
  await mkdir(volume);
  await writeFile(join(folder, "secret"), "of the node");
});
afterEach(() => removeFolder(folder, systemMounts(), undefined));

/** Whether this process may really mount: root in a container may not. */
async function workingMounts(): Promise<Mounts | undefined> {
  const mounts = systemMounts();
  const probe = await mkdtemp(join(tmpdir(), "podwright-mount-"));
  try {
    await mounts?.tmpfs(probe, ["size=4096"]);
    await mounts?.unmount(probe);
    return mounts;
  } catch {
    return undefined;
  } finally {
    await rm(probe, { recursive: true });
  }
}
const mounts = await workingMounts();

describe.skipIf(process.platform !== "linux")("without mounts", () => {
  test("a folder that is not there is made with the volume's mode", async () => {
    const umask = process.umask(0o077);
    try {
      await chmod(volume, 0o777);
      expect(await provideSubPath(volume, "a/b", target, undefined)).toBe(join(volume, "a/b"));
    } finally {
      process.umask(umask);
    }
    for (const path of ["a", "a/b"]) expect((await stat(join(volume, path))).mode & 0o777).toBe(0o777);
  });

  test("a link within the volume is followed", async () => {
    await mkdir(join(volume, "..version"));
    await writeFile(join(volume, "..version", "key"), "value");
    await symlink("..version", join(volume, "..data"));
    await symlink("..data/key", join(volume, "key"));
    expect(await readFile(await provideSubPath(volume, "key", target, undefined), "utf8")).toBe("value");
  });

  test.each(["../secret", "/etc", "."])("a link to %j does not lead out of the volume", async (to) => {
    await symlink(to === "." ? folder : to, join(volume, "link"));
    await expect(provideSubPath(volume, "link", target, undefined)).rejects.toThrow("is outside of");
    await expect(provideSubPath(volume, "link/below", target, undefined)).rejects.toThrow();
  });

  test("nothing is made where a link leads out of the volume", async () => {
    await mkdir(join(folder, "elsewhere"));
    await symlink("../elsewhere", join(volume, "link"));
    await expect(makeBelow(volume, "link/made", 0o755)).rejects.toThrow("is outside of");
    await expect(stat(join(folder, "elsewhere", "made"))).rejects.toThrow("ENOENT");
  });

  test("a folder that is turned into a link all the time is opened or refused, never followed", async () => {
    await mkdir(join(volume, "real"));
    await writeFile(join(volume, "real", "secret"), "of the pod");
    await symlink("..", join(volume, "evil"));
    let turning = true;
    const turner = (async () => {
      while (turning) {
        await rename(join(volume, "real"), join(volume, "aside"));
        await rename(join(volume, "evil"), join(volume, "real"));
        await rename(join(volume, "real"), join(volume, "evil"));
        await rename(join(volume, "aside"), join(volume, "real"));
      }
    })();
    for (let round = 0; round < 500; round++) {
      try {
        await using entry = await openBelow(volume, "real/secret");
        expect(await readFile(entry.reference, "utf8")).toBe("of the pod");
      } catch (error) {
        if ((error as Error).name === "AssertionError") throw error;
      }
    }
    turning = false;
    await turner;
    await using entry = await openBelow(volume, "real/secret");
    expect(await readFile(entry.reference, "utf8")).toBe("of the pod");
  });
});

describe.skipIf(mounts === undefined)("with mounts (needs root and the right to mount)", () => {
  test("the part of the volume stays what it was, whatever becomes of the way there", async () => {
    await mkdir(join(volume, "part"));
    await writeFile(join(volume, "part", "file"), "here");
    expect(await provideSubPath(volume, "part", target, mounts)).toBe(target);
    await rename(join(volume, "part"), join(volume, "moved"));
    await symlink("..", join(volume, "part"));
    expect(await readFile(join(target, "file"), "utf8")).toBe("here");
  });

  test("a single file can be mounted, and again, and another instead", async () => {
    await writeFile(join(volume, "one"), "1");
    await writeFile(join(volume, "two"), "2");
    await provideSubPath(volume, "one", target, mounts);
    expect(await readFile(await provideSubPath(volume, "one", target, mounts), "utf8")).toBe("1");
    expect(await mounts?.below(folder)).toEqual([target]);
    expect(await readFile(await provideSubPath(volume, "two", target, mounts), "utf8")).toBe("2");
  });

  test("mounts are found by a path with links in it", async () => {
    await symlink(folder, `${folder}.link`);
    const linked = join(`${folder}.link`, "pod", "volumes", "mem");
    await mkdir(linked, { recursive: true });
    await mounts?.tmpfs(linked, ["size=4096"]);
    expect(await mounts?.below(linked)).toEqual([linked]);
    await removeFolder(join(`${folder}.link`, "pod"), mounts, undefined);
    await expect(stat(join(folder, "pod"))).rejects.toThrow("ENOENT");
    await rm(`${folder}.link`);
  });

  test("taking the pod's folder away leaves what was mounted there", async () => {
    await mkdir(join(volume, "part"));
    await writeFile(join(volume, "part", "file"), "here");
    await provideSubPath(volume, "part", target, mounts);
    await removeFolder(join(folder, "pod"), mounts, undefined);
    expect(await readFile(join(volume, "part", "file"), "utf8")).toBe("here");
    await expect(stat(join(folder, "pod"))).rejects.toThrow("ENOENT");
  });
});
