import type { Clock } from "@podwright/client";
import type { Database, RootDatabase } from "lmdb";

/** An answer that was given to a request with an idempotency key. */
export interface GivenAnswer {
  fingerprint: string;
  name: string;
  status: number;
  body: string;
  at: number;
}

type Key = [tenant: string, keyOrName: string];

const keptForMs = 24 * 3_600_000;

/** What is known of requests, for a day: answers that may be asked for again, and creations that were tried. */
export class RequestRecords {
  readonly #root: RootDatabase;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  /** [tenant, key] → answer. */
  readonly #answers: Database<GivenAnswer, Key>;
  /** [tenant, name] → when. */
  readonly #attempts: Database<{ at: number }, Key>;

  constructor(root: RootDatabase, clock: Clock, onError: (error: unknown) => void) {
    this.#root = root;
    this.#clock = clock;
    this.#onError = onError;
    this.#answers = root.openDB({ name: "answers", encoding: "json" });
    this.#attempts = root.openDB({ name: "attempts", encoding: "json" });
  }

  answer(tenant: string, key: string): GivenAnswer | undefined {
    return this.#fresh(this.#answers.get([tenant, key]));
  }

  putAnswer(tenant: string, key: string, answer: GivenAnswer): void {
    this.#answers.put([tenant, key], answer).catch(this.#onError);
  }

  /** Whether the creation of a run was tried before, by this process or one before it. */
  wasTried(tenant: string, name: string): boolean {
    return this.#fresh(this.#attempts.get([tenant, name])) !== undefined;
  }

  /** Resolves when it is on disk that the run's creation is tried now. */
  async putAttempt(tenant: string, name: string): Promise<void> {
    await this.#attempts.put([tenant, name], { at: this.#clock.now() });
    await this.#root.flushed;
  }

  /** Drops what is older than a day. */
  async sweep(): Promise<void> {
    const writes: Promise<boolean>[] = [];
    for (const database of [this.#answers, this.#attempts] as Database<{ at: number }, Key>[]) {
      for (const { key, value } of database.getRange({ snapshot: false })) {
        if (this.#fresh(value) === undefined) writes.push(database.remove(key));
      }
    }
    await Promise.all(writes);
  }

  #fresh<T extends { at: number }>(found: T | undefined): T | undefined {
    return found === undefined || found.at + keptForMs < this.#clock.now() ? undefined : found;
  }
}
