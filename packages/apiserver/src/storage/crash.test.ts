import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openStorage } from "./open-storage.ts";
import type { Storage } from "./storage.ts";
import { decode, temporaryDirectory } from "./testing/stores.ts";

const rounds = 20;
const writer = fileURLToPath(new URL("testing/crash-writer.ts", import.meta.url));

interface Answer {
  revision: number;
  key: string;
  /** undefined when it was deleted. */
  state: { text: string; revision: number } | undefined;
}

function stateOf(storage: Storage, key: string, revision?: number): Answer["state"] {
  const object = storage.get(key, revision);
  return object && decode(object);
}

let path: string;
beforeEach(() => {
  path = temporaryDirectory();
});
afterEach(() => rmSync(path, { recursive: true }));

/** Lets the writer work for a while after its first answer, kills it, and gives what it was told is stored. */
async function runAndKill(workMs: number): Promise<Answer[]> {
  const child = spawn(process.execPath, [writer, path], { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), workMs));
  await Promise.all([exit, once(child.stdout, "close")]);
  expect(child.signalCode).toBe("SIGKILL");
  // What follows the last newline was cut off by the kill.
  const lines = output.split("\n").slice(0, -1);
  expect(lines.shift()).toMatch(/^open \d+$/);
  return lines.map((line) => {
    const [type = "", revision, key = "", text = ""] = line.split(" ");
    const state = type === "delete" ? undefined : { text, revision: Number(revision) };
    return { revision: Number(revision), key, state };
  });
}

it("has all that it answered after being killed at any moment", async () => {
  const newest = new Map<string, Answer>();
  let last = 1;
  let total = 0;
  for (let round = 0; round < rounds; round++) {
    const answers = await runAndKill(Math.random() * 150);
    total += answers.length;
    const revisions = answers.map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    expect(new Set(revisions).size).toBe(revisions.length);
    expect(revisions[0] ?? last + 1).toBeGreaterThan(last);
    for (const answer of answers) newest.set(answer.key, answer);

    // The dead process's lock is in nobody's way, and the whole file is checked.
    const storage = await openStorage({ type: "lmdb", path });
    expect(storage.revision).toBeGreaterThanOrEqual(revisions.at(-1) ?? last);
    // Writes that were not answered may have been made too, or not.
    const changed = new Map<string, number>();
    for (const { key, revision } of storage.changes("/", storage.compactedRevision)) changed.set(key, revision);
    for (const answer of newest.values()) {
      if ((changed.get(answer.key) ?? 0) <= answer.revision) expect(stateOf(storage, answer.key)).toEqual(answer.state);
    }
    for (const object of storage.list({ prefix: "/" }).items) {
      const { text, revision } = decode(object);
      expect(revision).toBe(object.revision);
      expect(text).toMatch(/^\d+-\d+-x*$/);
    }
    const kept = [...storage.changes("/", storage.compactedRevision)].map(({ revision }) => revision);
    expect(kept).toEqual(kept.map((_, index) => Math.max(storage.compactedRevision, 1) + 1 + index));
    expect(kept.at(-1) ?? Math.max(storage.compactedRevision, 1)).toBe(storage.revision);
    for (const { key, revision, state } of answers) {
      if (revision > storage.compactedRevision) expect(stateOf(storage, key, revision)).toEqual(state);
    }
    // From here on those count as answered: we have read them.
    for (const [key, revision] of changed) newest.set(key, { key, revision, state: stateOf(storage, key) });
    last = storage.revision;
    await storage.close();
  }
  expect(total).toBeGreaterThan(rounds);
}, 120_000);
