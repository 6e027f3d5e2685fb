// `node bench/storage.ts [SECONDS]`: what the storage does by itself, as one JSON document. The LMDB store is in the
// directory for temporary files: set TMPDIR to measure another disk.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { openStorage, type Storage, WatchHub } from "@podwright/apiserver";

const seconds = Number(process.argv[2] ?? 2);
const inFlight = 16;
const body = JSON.stringify({ spec: "x".repeat(2000) });

const path = await mkdtemp(join(tmpdir(), "podwright-bench-storage-"));
const result = {
  memory: await measure(await openStorage({ type: "memory" })),
  lmdb: await measure(await openStorage({ type: "lmdb", path })),
  lmdb_reopened: await measureReopening(),
};
await rm(path, { recursive: true });
console.log(JSON.stringify(result, null, 2));

async function measure(storage: Storage) {
  const { rate: writes, p99Ms } = await measureWrites(storage);
  const heapBefore = usedBytes();
  await fill(storage, "//configmaps/", 100_000);
  const bytesPerObject = (usedBytes() - heapBefore) / 100_000;
  await fill(storage, "//pods/", 2000);
  const isOne = ({ labels }: { labels?: Record<string, string> }) => labels?.["app"] === "1";
  const measured = {
    writes_per_second: writes,
    write_p99_ms: p99Ms,
    memory_bytes_per_object: Math.round(bytesPerObject),
    gets_per_second: rate((index) => storage.get(`//pods/ns-${index % 10}/name-${index % 2000}`)),
    lists_of_2000_per_second: rate(() => storage.list({ prefix: "//pods/" })),
    lists_of_200_in_2000_per_second: rate(() => storage.list({ prefix: "//pods/", matches: isOne })),
    pages_of_500_in_100000_per_second: rate(() => storage.list({ prefix: "//configmaps/", limit: 500 })),
    writes_per_second_with_1000_watches: await measureWatches(storage),
  };
  await storage.close();
  return measured;
}

async function measureReopening() {
  const start = performance.now();
  const storage = await openStorage({ type: "lmdb", path });
  const opened = { open_ms: Math.round(performance.now() - start), revisions: storage.revision };
  const compactionStart = performance.now();
  await storage.compact(storage.revision);
  const compaction_ms = Math.round(performance.now() - compactionStart);
  await storage.close();
  return { ...opened, compaction_ms };
}

async function measureWrites(storage: Storage) {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  const write = async (writer: number) => {
    for (let count = 0; performance.now() < end; count++) {
      const start = performance.now();
      await put(storage, `//leases/${writer}/name-${count % 100}`, count);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, writer) => write(writer)));
  times.sort((a, b) => a - b);
  return {
    rate: Math.round(times.length / seconds),
    p99Ms: Number(times[Math.floor(times.length * 0.99)]?.toFixed(2)),
  };
}

/** Writes to one resource of which 10 watches see each change, beside 990 of single objects and other namespaces. */
async function measureWatches(storage: Storage): Promise<number> {
  const hub = new WatchHub({ storage });
  const bookmark = { apiVersion: "v1", kind: "Lease" };
  const paths = Array.from({ length: 1000 }, (_, index) => (index < 10 ? "//leases/" : `//leases/other-${index}/`));
  const readers = paths.map(async (prefix) => {
    let bytes = 0;
    for await (const frame of hub.watch({ prefix, bookmark })) bytes += frame.bytes().length;
    return bytes;
  });
  const { rate } = await measureWrites(storage);
  hub.close();
  await Promise.all(readers);
  return rate;
}

async function fill(storage: Storage, prefix: string, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1000) {
    const batch = Array.from({ length: Math.min(1000, count - index) }, (_, offset) => index + offset);
    await Promise.all(batch.map((number) => put(storage, `${prefix}ns-${number % 10}/name-${number}`, number)));
  }
}

function put(storage: Storage, key: string, number: number) {
  return storage.write(key, () => ({
    type: "put",
    labels: { app: String(number % 10) },
    encode: (revision) => Buffer.from(`{"metadata":{"resourceVersion":"${revision}"},${body.slice(1)}`),
  }));
}

/** Operations a second. */
function rate(operation: (index: number) => unknown): number {
  const end = performance.now() + seconds * 500;
  let count = 0;
  for (; performance.now() < end; count++) operation(count);
  return Math.round((count / seconds) * 2);
}

/** Of JavaScript objects: values are outside. */
function usedBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
