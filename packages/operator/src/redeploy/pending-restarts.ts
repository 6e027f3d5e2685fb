import type { Clock } from "@podwright/client";

/** A burst that does not end is cut off after so many quiet times. */
const longestWait = 10;

interface Pending {
  firstAtMs: number;
  dueAtMs: number;
  /** What changed, with the names of its keys. */
  changes: Map<string, Set<string>>;
}

/** Workloads that are about to restart: until when it must stay quiet, and what has changed since. */
export class PendingRestarts {
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A content changed just now: the quiet time starts again. */
  changed(key: string, quietMs: number, reference: string, keys: readonly string[]): void {
    const pending = this.#open(key, quietMs);
    pending.dueAtMs = Math.min(this.#clock.now() + quietMs, pending.firstAtMs + longestWait * quietMs);
    const names = pending.changes.get(reference) ?? new Set();
    for (const name of keys) names.add(name);
    pending.changes.set(reference, names);
  }

  /** How long it still must be quiet; starts the time for a change that nobody saw. */
  waitMs(key: string, quietMs: number): number {
    return this.#open(key, quietMs).dueAtMs - this.#clock.now();
  }

  /** "configmap/a (level, mode), secret/b". */
  describe(key: string, references: readonly string[]): string {
    const changes = this.#pending.get(key)?.changes;
    return references
      .map((reference) => {
        const names = [...(changes?.get(reference) ?? [])].sort();
        if (names.length === 0 || reference.includes("#")) return reference;
        const more = names.length > 5 ? `, ${names.length - 5} more` : "";
        return `${reference} (${names.slice(0, 5).join(", ")}${more})`;
      })
      .join(", ");
  }

  /** Nothing is due any more. */
  settle(key: string): void {
    this.#pending.delete(key);
  }

  #open(key: string, quietMs: number): Pending {
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      const now = this.#clock.now();
      pending = { firstAtMs: now, dueAtMs: now + quietMs, changes: new Map() };
      this.#pending.set(key, pending);
    }
    return pending;
  }
}
