import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LmdbFile } from "./lmdb-file.ts";
import { LmdbLog } from "./lmdb-log.ts";
import { MvccStorage } from "./mvcc-storage.ts";
import { openStorage } from "./open-storage.ts";
import { decode, describeObjects, put, remove, temporaryDirectory } from "./testing/stores.ts";

let path: string;
beforeEach(() => {
  path = temporaryDirectory();
});
afterEach(() => rmSync(path, { recursive: true }));

const open = () => openStorage({ type: "lmdb", path });

/** Opens a store in a process of its own, without root's right to write everywhere. Gives the error's code, or "opened". */
async function openElsewhere(directory: string): Promise<string> {
  const opener = fileURLToPath(new URL("testing/open-once.ts", import.meta.url));
  const unprivileged = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];
  const command = [...(process.getuid?.() === 0 ? unprivileged : []), process.execPath, opener, directory];
  const child = spawn(command[0] as string, command.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await once(child, "close");
  return output;
}

describe("a data directory", () => {
  it("is made, for its owner alone", async () => {
    path = join(path, "below", "below");
    await (await open()).close();
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, "data.mdb")).mode & 0o777).toBe(0o600);
    path = join(path, "..", "..");
  });

  it("is opened once in a process", async () => {
    const storage = await open();
    const locked = { code: "locked", message: expect.stringContaining(`${path} is in use by this process`) };
    await expect(open()).rejects.toMatchObject(locked);
    await expect(open()).rejects.toMatchObject(locked);
    await put(storage, "/a/things/x", "one");
    await storage.close();
    const again = await open();
    expect(again.list({ prefix: "/" }).items).toHaveLength(1);
    await again.close();
  });

  it("is opened by one process, until that has ended", async () => {
    const writer = fileURLToPath(new URL("testing/crash-writer.ts", import.meta.url));
    const child = spawn(process.execPath, [writer, path], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.stdout.resume();
    await expect(open()).rejects.toMatchObject({
      code: "locked",
      message: expect.stringContaining(`is in use by process ${child.pid}`),
    });
    child.kill("SIGKILL");
    await once(child, "exit");
    await (await open()).close();
  });

  it("must be one", async () => {
    writeFileSync(join(path, "file"), "");
    for (const directory of [join(path, "file"), join(path, "file", "below")]) {
      const message = expect.stringMatching(/^the data directory .*file.* cannot be written .*give one that can$/);
      await expect(openStorage({ type: "lmdb", path: directory })).rejects.toMatchObject({
        code: "unwritable",
        message,
      });
    }
  });

  it("must be writable", async () => {
    chmodSync(path, 0o500);
    expect(await openElsewhere(path)).toBe("unwritable");
    chmodSync(path, 0o700);
  });
});

describe("a data file", () => {
  const corrupt = {
    code: "corrupt",
    message: expect.stringMatching(/^the data in .* is damaged \(.*\); .*start afresh$/),
  };
  const file = () => join(path, "data.mdb");

  /** Leaves a file with small and large values, a tree of some depth, and free pages in it. */
  async function fill(): Promise<Set<string>> {
    const storage = await open();
    const texts = Array.from({ length: 300 }, (_, index) => String(index).repeat((index * 37) % 1500));
    await Promise.all(texts.map((text, index) => put(storage, `/a/things/${index}`, text)));
    await Promise.all(texts.slice(0, 100).map((text, index) => put(storage, `/a/things/${index}`, `${text}!`)));
    for (let index = 0; index < 20; index++) await remove(storage, `/a/things/${index}`);
    await storage.compact(storage.revision - 5);
    const objects = new Set(describeObjects(storage.list({ prefix: "/" }).items));
    await storage.close();
    return objects;
  }

  it("may be empty: its maker was stopped before it could write", async () => {
    writeFileSync(file(), "");
    const storage = await open();
    expect(storage.revision).toBe(1);
    await put(storage, "/a/things/x", "one");
    await storage.close();
  });

  it("must be LMDB's", async () => {
    writeFileSync(file(), "hello");
    await expect(open()).rejects.toMatchObject(corrupt);
    writeFileSync(file(), Buffer.alloc(65536, 1));
    await expect(open()).rejects.toMatchObject(corrupt);
    expect(existsSync(`${file()}-lock`)).toBe(false);
  });

  it("is read in full when it is as it was", async () => {
    const objects = await fill();
    const storage = await open();
    expect(new Set(describeObjects(storage.list({ prefix: "/" }).items))).toEqual(objects);
    await storage.close();
  });

  it("is refused when it was cut off", async () => {
    await fill();
    const { size } = statSync(file());
    for (const part of [0.9, 0.5, 0.1, 0.01]) {
      truncateSync(file(), Math.floor(size * part));
      await expect(open()).rejects.toMatchObject(corrupt);
    }
  });

  it("is refused, or read as it was, when bytes of it have changed: the process survives", async () => {
    const objects = await fill();
    copyFileSync(file(), `${file()}.good`);
    const good = readFileSync(file());
    // Values hide most faults in their checksums; the pages' structure is mostly in the first bytes of pages.
    const anywhere = fc.nat(good.length - 1);
    const inHeader = fc.tuple(fc.nat(good.length / 4096 - 1), fc.nat(47)).map(([page, byte]) => page * 4096 + byte);
    const inMeta = fc.tuple(fc.nat(1), fc.nat(167)).map(([page, byte]) => page * 4096 + byte);
    const damage = fc.tuple(fc.oneof(anywhere, inHeader, inMeta), fc.uint8Array({ minLength: 1, maxLength: 8 }));
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
        const bytes = Buffer.from(good);
        for (const [offset, noise] of damages) bytes.set(noise.subarray(0, bytes.length - offset), offset);
        writeFileSync(file(), bytes);
        let storage: Awaited<ReturnType<typeof open>>;
        try {
          storage = await open();
        } catch (error) {
          expect(error).toMatchObject({ code: "corrupt" });
          return;
        }
        expect(new Set(describeObjects(storage.list({ prefix: "/" }).items))).toEqual(objects);
        for (let index = 0; index < 20; index++) await put(storage, `/b/things/${index}`, "new".repeat(index * 100));
        await storage.compact(storage.revision);
        await storage.close();
        const again = await open();
        expect(again.list({ prefix: "/b/" }).items).toHaveLength(20);
        await again.close();
      }),
      { numRuns: 200 },
    );
  });
});

it("removes what compaction has forgotten, and uses its room again", async () => {
  const storage = await open();
  const sizes: number[] = [];
  for (let round = 0; round < 6; round++) {
    // More keys than a compaction looks at in one step, and each round all of them.
    const keys = Array.from({ length: 2500 }, (_, index) => `/a/things/${index}`);
    await Promise.all(keys.map((key, index) => put(storage, key, "x".repeat(index))));
    await remove(storage, `/a/things/${round}`);
    await storage.compact(storage.revision);
    sizes.push(statSync(join(path, "data.mdb")).size);
  }
  expect(sizes.at(-1)).toBeLessThan(2 * sizes[2]!);
  await storage.close();
  const file = new LmdbFile(join(path, "data.mdb"));
  // All but the object that was removed last, and the note how far it is compacted.
  expect([...file.entries()].map(({ key }) => key)).toHaveLength(2499 + 1);
  file.checkFreePages();
  file.close();
});

it("writes nothing when nothing is written", async () => {
  const storage = await open();
  await put(storage, "/a/things/x", "one");
  await storage.compact(2);
  const before = readFileSync(join(path, "data.mdb"));
  const { mtimeMs } = statSync(join(path, "data.mdb"));
  await storage.compact(2);
  await storage.write("/a/things/x", () => ({ type: "none" }));
  storage.list({ prefix: "/" });
  expect([...storage.changes("/", 2)]).toEqual([]);
  expect(readFileSync(join(path, "data.mdb")).equals(before)).toBe(true);
  expect(statSync(join(path, "data.mdb")).mtimeMs).toBe(mtimeMs);
  await storage.close();
  expect(statSync(join(path, "data.mdb")).mtimeMs).toBe(mtimeMs);
});

it("refuses writes while the disk is full, and goes on when it is not", async () => {
  let free = 1e9;
  const log = await LmdbLog.open(path, () => free);
  const storage = new MvccStorage(log, { hotBytes: 0 });
  await put(storage, "/a/things/x", "one");
  await put(storage, "/a/things/x", "two");
  free = 2e6;
  const writes = [put(storage, "/a/things/x", "three"), put(storage, "/a/things/y", "four")];
  const refused = writes.map((write) => expect(write).rejects.toMatchObject({ code: "full" }));
  // It saw a write that was taken back.
  refused.push(expect(storage.write("/a/things/y", () => ({ type: "none" }))).rejects.toMatchObject({ code: "full" }));
  await Promise.all(refused);
  expect(describeObjects(storage.list({ prefix: "/" }).items)).toEqual(["/a/things/x=two@3"]);
  await storage.compact(3);
  free = 1e9;
  expect((await put(storage, "/a/things/y", "five")).revision).toBe(4);
  await storage.close();
  const again = await open();
  expect(again).toMatchObject({ revision: 4, compactedRevision: 3 });
  expect(decode(again.get("/a/things/y")!).text).toBe("five");
  await again.close();
});
