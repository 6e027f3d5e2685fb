// A process to be killed: writes with many in flight, and tells of each answered write on its standard output.
import { writeSync } from "node:fs";
import { openStorage } from "../open-storage.ts";
import { put, remove } from "./stores.ts";

const [path = "", writers = "16"] = process.argv.slice(2);
const storage = await openStorage({ type: "lmdb", path });
const round = storage.revision;
writeSync(1, `open ${round}\n`);

await Promise.all([
  ...Array.from({ length: Number(writers) }, async (_, writer) => {
    for (let count = 0; ; count++) {
      const key = `/a/things/${writer}-${count % 20}`;
      const text = `${round}-${count}-${"x".repeat((count * 97) % 6000)}`;
      const isDeletion = count % 7 === 6 && storage.get(key) !== undefined;
      const { revision } = await (isDeletion ? remove(storage, key) : put(storage, key, text));
      // One short write to a pipe is never cut in two.
      writeSync(1, `${isDeletion ? "delete" : "put"} ${revision} ${key} ${isDeletion ? "" : text}\n`);
    }
  }),
  (async () => {
    while (true) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await storage.compact(Math.max(storage.revision - 200, 1));
    }
  })(),
]);
