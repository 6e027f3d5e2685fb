import { appendFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LogOptions } from "../../runtime.ts";
import { readCriLog } from "./cri-log.ts";
import { removeLog } from "./log-files.ts";
import { LogRotation } from "./log-rotation.ts";

let folder: string;
let path: string;
let rotation: LogRotation;
/** What containerd is asked to do, it does here: it opens the file anew. */
const reopen = vi.fn(() => writeFile(path, "", { flag: "a" }));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pw-log-"));
  path = join(folder, "0.log");
  rotation = new LogRotation({ reopen, maxBytes: 100 });
  rotation.watch("id", path);
});
afterEach(async () => {
  await rotation.close();
  await rm(folder, { recursive: true });
});

let written = 0;
const line = (text: string, tag = "F"): string =>
  `2026-01-01T00:00:00.${String(written++).padStart(9, "0")}Z stdout ${tag} ${text}\n`;
const long = "x".repeat(100);

async function read(options: Partial<LogOptions> = {}, ended: Promise<unknown> = Promise.resolve()): Promise<string[]> {
  const defaults = { follow: false, tailLines: undefined, sinceMs: undefined, stream: undefined };
  const signal = new AbortController().signal;
  const texts: string[] = [];
  const source = { path, ended, onRotated: rotation.onRotated.bind(rotation) };
  for await (const { text } of readCriLog(source, { ...defaults, signal, ...options })) {
    texts.push(Buffer.from(text).toString().trimEnd());
  }
  return texts;
}

test("no file is an empty log", async () => {
  expect(await read()).toEqual([]);
  expect(await read({ tailLines: 3 })).toEqual([]);
});

test("a log is read over the files that were rotated away, and so are its last lines", async () => {
  for (const name of ["a", "b", "c"]) {
    await appendFile(path, line(`${name}1`) + line(`${name}2 ${long}`));
    await rotation.look();
  }
  await appendFile(path, line("d1") + line("d2"));
  await rotation.look();
  const all = ["a1", `a2 ${long}`, "b1", `b2 ${long}`, "c1", `c2 ${long}`, "d1", "d2"];
  expect(await read()).toEqual(all);
  for (let count = 0; count <= 9; count++)
    expect(await read({ tailLines: count })).toEqual(all.slice(Math.max(0, 8 - count)));
});

test("no more than five files are kept, and all go with the log", async () => {
  for (let i = 0; i < 7; i++) {
    await appendFile(path, line(`${i} ${long}`));
    await rotation.look();
  }
  expect(await readdir(folder)).toHaveLength(5);
  expect((await read()).map((text) => text[0])).toEqual(["3", "4", "5", "6"]);
  await writeFile(join(folder, "1.log"), "");
  await removeLog(path);
  expect(await readdir(folder)).toEqual(["1.log"]);
});

test("who follows it goes on in the new file, and misses nothing of the old one", async () => {
  await writeFile(path, line("first"));
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const following = read({ follow: true }, ended);
  const expected = ["first"];
  for (let i = 0; i < 6; i++) {
    // Between the file's new name and the new file, the old one is still written.
    const name = `late ${i}`;
    reopen.mockImplementationOnce(async () => {
      const [renamed = ""] = (await readdir(folder)).sort().slice(-1);
      await appendFile(join(folder, renamed), line(name));
      await writeFile(path, "", { flag: "a" });
    });
    await appendFile(path, line(`${i} ${long}`));
    await rotation.look();
    await appendFile(path, line(`after ${i}`));
    expected.push(`${i} ${long}`, name, `after ${i}`);
    if (i % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  end();
  expect(await following).toEqual(expected);
});

test("a short log stays as it is", async () => {
  reopen.mockClear();
  await writeFile(path, line("short"));
  await rotation.look();
  expect(reopen).not.toHaveBeenCalled();
});
