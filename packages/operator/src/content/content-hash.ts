import { createHmac } from "node:crypto";
import type { KubeObject } from "@podwright/kube";

/** 128 bits are too many for two contents to meet by chance, and 22 letters are few. */
const hashBytes = 16;

/**
 * Hashes what ConfigMaps and Secrets hold. Keyed (HMAC-SHA256): a hash is written on workloads, where people read it
 * who may not read the Secret, and without a key they could try passwords until one fits.
 */
export class ContentHasher {
  readonly #key: Uint8Array;
  /** Names the key without telling it: hashes of two keys cannot be compared. */
  readonly keyId: string;

  /** @param key 32 random bytes, the same for every replica and every start; see {@link contentKey}. */
  constructor(key: Uint8Array) {
    this.#key = key;
    this.keyId = this.of("key id").slice(0, 8);
  }

  /** The hash of some bytes, or of a text as UTF-8: 22 letters, digits, "-" and "_". */
  of(value: string | Uint8Array): string {
    return createHmac("sha256", this.#key).update(value).digest().subarray(0, hashBytes).toString("base64url");
  }

  /** The hash of keys with the hashes of their values, in whatever order they come. */
  ofKeys(keys: ReadonlyMap<string, string>): string {
    const lines = [...keys].map(([key, hash]) => `${key}\0${hash}`);
    return this.of(lines.sort().join("\n"));
  }

  /** A ConfigMap's or Secret's keys, each with the hash of its value's bytes. */
  keysOf(object: KubeObject): Map<string, string> {
    const keys = new Map<string, string>();
    for (const [key, bytes] of contentOf(object)) keys.set(key, this.of(bytes));
    return keys;
  }
}

/** What a ConfigMap or Secret holds: text as it is, binary values (all values of a Secret) as bytes. */
export function* contentOf(object: KubeObject): Iterable<[key: string, value: string | Uint8Array]> {
  const { kind } = object;
  for (const [key, value] of entriesOf(object["data"])) {
    yield [key, kind === "Secret" ? Buffer.from(value, "base64") : value];
  }
  for (const [key, value] of entriesOf(object["binaryData"])) yield [key, Buffer.from(value, "base64")];
}

function entriesOf(data: Record<string, string | null> | null | undefined): [string, string][] {
  return Object.entries(data ?? {}).map(([key, value]) => [key, value ?? ""]);
}
