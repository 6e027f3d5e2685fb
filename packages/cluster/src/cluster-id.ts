import { createHash, randomBytes } from "node:crypto";
import { resolve } from "node:path";

/**
 * What a cluster calls its own outside of its process: containers, networks, rules. Twelve letters, 0-9a-f: always
 * the same for a data directory, so that what is left of it is found even when the directory is gone; new each time
 * for a cluster in memory.
 */
export function clusterId(dataDir: string | undefined): string {
  if (dataDir === undefined) return randomBytes(6).toString("hex");
  return createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 12);
}
