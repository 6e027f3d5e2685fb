import { mkdtemp, readdir, readFile, readlink, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type VolumeFile, writeAtomically } from "./atomic-writer.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "podwright-atomic-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const files = (contents: Record<string, string>, mode = 0o644): Map<string, VolumeFile> =>
  new Map(Object.entries(contents).map(([path, data]) => [path, { data, mode }]));
const write = (contents: Record<string, string>): Promise<boolean> =>
  writeAtomically(folder, files(contents), { nowMs });
const text = (path: string): Promise<string> => readFile(join(folder, path), "utf8");
const names = async (): Promise<string[]> => (await readdir(folder)).sort();

test("files are links through ..data to a folder that is named by the time", async () => {
  expect(await write({ a: "1", "sub/b": "2", "sub/deep/c": "3" })).toBe(true);
  expect(await readlink(join(folder, "a"))).toBe("..data/a");
  expect(await readlink(join(folder, "sub"))).toBe("..data/sub");
  expect(await readlink(join(folder, "..data"))).toMatch(/^\.\.2026_01_02_03_04_05\.[0-9a-f]+$/);
  expect([await text("a"), await text("sub/b"), await text("sub/deep/c")]).toEqual(["1", "2", "3"]);
});

test("modes are as asked for, whatever the umask", async () => {
  const umask = process.umask(0o077);
  try {
    await writeAtomically(folder, new Map([["x", { data: "", mode: 0o755 }]]), { nowMs });
  } finally {
    process.umask(umask);
  }
  expect((await stat(join(folder, "x"))).mode & 0o7777).toBe(0o755);
  expect((await stat(join(folder, "..data"))).mode & 0o7777).toBe(0o755);
});

test("an update changes all files at once and leaves nothing of the old ones", async () => {
  await write({ a: "1", gone: "x", "sub/gone": "x", "sub/b": "1" });
  expect(await write({ a: "2", "sub/b": "2", fresh: "2" })).toBe(true);
  expect((await names()).filter((name) => !name.startsWith(".."))).toEqual(["a", "fresh", "sub"]);
  expect(await readdir(join(folder, "sub"))).toEqual(["b"]);
  expect((await names()).filter((name) => name.startsWith(".."))).toHaveLength(2);
});

test("the same files again write nothing", async () => {
  await write({ a: "1" });
  const version = await readlink(join(folder, "..data"));
  expect(await write({ a: "1" })).toBe(false);
  expect(await readlink(join(folder, "..data"))).toBe(version);
});

test("a reader never sees files of two versions", async () => {
  await write({ a: "0", b: "0" });
  let writing = true;
  let mixed = 0;
  const reader = (async () => {
    while (writing) {
      const version = await readlink(join(folder, "..data"));
      const pair = await Promise.all([text(`${version}/a`), text(`${version}/b`)]).catch(() => undefined);
      if (pair !== undefined && pair[0] !== pair[1]) mixed++;
    }
  })();
  for (let round = 1; round <= 100; round++) await write({ a: String(round), b: String(round) });
  writing = false;
  await reader;
  expect(mixed).toBe(0);
});

test("what a process that was ended in between left behind does not matter", async () => {
  await write({ a: "1" });
  await symlink("..nowhere", join(folder, "..data_tmp"));
  await write({ a: "2" });
  expect(await text("a")).toBe("2");
});

test("owners are set before files can be seen; when that fails the old ones stay", async () => {
  await write({ a: "1" });
  const fails = writeAtomically(folder, files({ a: "2" }), {
    nowMs,
    prepare: async () => {
      expect(await text("a")).toBe("1");
      throw new Error("no");
    },
  });
  await expect(fails).rejects.toThrow("no");
  expect(await text("a")).toBe("1");
  expect((await names()).filter((name) => name.startsWith(".."))).toHaveLength(2);
});

test.each([
  ["../out", "invalid path: must not contain '..': ../out"],
  ["a/../../out", "invalid path: must not contain '..': a/../../out"],
  ["/etc/passwd", "invalid path: must be relative path: /etc/passwd"],
  ["..data", "invalid path: must not start with '..': ..data"],
  ["", 'invalid path: must not be empty: ""'],
])("the path %j is refused", async (path, message) => {
  await expect(write({ [path]: "x" })).rejects.toThrow(message);
});
