import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStorage } from "../open-storage.ts";
import type { Attributes, Storage, StoredObject, WriteResult } from "../storage.ts";

/** A store under test, and how to open it again as after the end of its process. */
export interface TestStore {
  storage: Storage;
  /** undefined when nothing of the store survives. */
  reopen: (() => Promise<void>) | undefined;
  dispose(): Promise<void>;
}

export const implementations: { name: string; make: () => Promise<TestStore> }[] = [
  { name: "memory", make: makeMemoryStore },
  { name: "lmdb", make: () => makeLmdbStore() },
  { name: "lmdb without values in memory", make: () => makeLmdbStore(0) },
];

async function makeMemoryStore(): Promise<TestStore> {
  const storage = await openStorage({ type: "memory" });
  return { storage, reopen: undefined, dispose: () => storage.close() };
}

async function makeLmdbStore(hotBytes?: number): Promise<TestStore> {
  const path = temporaryDirectory();
  const options = { type: "lmdb" as const, path, ...(hotBytes !== undefined && { hotBytes }) };
  const store: TestStore = {
    storage: await openStorage(options),
    reopen: async () => {
      await store.storage.close();
      store.storage = await openStorage(options);
    },
    dispose: async () => {
      await store.storage.close();
      rmSync(path, { recursive: true });
    },
  };
  return store;
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "podwright-storage-"));
}

/** Stores an object with the text and its revision in it. */
export function put(storage: Storage, key: string, text: string, attributes: Attributes = {}): Promise<WriteResult> {
  return storage.write(key, () => ({ type: "put", encode: (revision) => encode(text, revision), ...attributes }));
}

export function remove(storage: Storage, key: string): Promise<WriteResult> {
  return storage.write(key, (current) => ({
    type: "delete",
    encode: (revision) => encode(decode(current!).text, revision),
  }));
}

function encode(text: string, revision: number): Buffer {
  const object = { kind: "Thing", apiVersion: "v1", metadata: { resourceVersion: String(revision) }, text };
  return Buffer.from(JSON.stringify(object));
}

/** What {@link put} stored. */
export function decode({ value }: { value: Buffer }): { text: string; revision: number } {
  const { text, metadata } = JSON.parse(value.toString());
  return { text, revision: Number(metadata.resourceVersion) };
}

/** "key=text@revision" of each object. */
export function describeObjects(objects: readonly Pick<StoredObject, "key" | "value">[]): string[] {
  return objects.map((object) => {
    const { text, revision } = decode(object);
    return `${object.key}=${text}@${revision}`;
  });
}
