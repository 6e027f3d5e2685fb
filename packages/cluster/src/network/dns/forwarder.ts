/** Answers for names that are not the cluster's: from memory, or from the servers upstream. */
import type { Clock } from "@podwright/client";
import type { Transport, Upstream } from "./upstream.ts";
import { answerAgain, keepSeconds, questionOf, recordsOf, refusal, type WireRecord } from "./wire.ts";

interface Kept {
  answer: Buffer;
  records: WireRecord[];
  atMs: number;
  seconds: number;
}

const mostKept = 4096;
const mostSeconds = 30;
const mostAsking = 512;
const servFail = 2;

export class Forwarder {
  readonly #upstream: Upstream;
  readonly #clock: Clock;
  /** The one asked for longest ago first. */
  readonly #kept = new Map<string, Kept>();
  readonly #asking = new Map<string, Promise<Buffer | undefined>>();

  constructor(upstream: Upstream, clock: Clock) {
    this.#upstream = upstream;
    this.#clock = clock;
  }

  /**
   * The answer; SERVFAIL when nobody upstream has one, or too many questions wait already. The same question, asked
   * meanwhile, waits with the first: so also one that comes back to us round about.
   */
  async answer(query: Buffer, transport: Transport): Promise<Buffer> {
    const { name, type, class: queryClass } = questionOf(query);
    // What follows the question is EDNS, on which the form of the answer depends.
    const options = query.subarray(questionOf(query).end).toString("hex");
    const key = [name, type, queryClass, query.readUInt16BE(2), options, transport].join(" ");
    const kept = this.#recall(key, query);
    if (kept !== undefined) return kept;
    let asking = this.#asking.get(key);
    if (asking === undefined) {
      if (this.#asking.size >= mostAsking) return refusal(query, servFail);
      asking = this.#upstream.ask(query, transport).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    const answer = await asking;
    if (answer === undefined) return refusal(query, servFail);
    try {
      const records = recordsOf(answer);
      this.#keep(key, answer, records);
      return answerAgain(answer, records, query, 0);
    } catch {
      return refusal(query, servFail);
    }
  }

  #recall(key: string, query: Buffer): Buffer | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    const ageSeconds = Math.floor((this.#clock.now() - kept.atMs) / 1000);
    if (ageSeconds < 0 || ageSeconds >= kept.seconds) return undefined;
    this.#kept.set(key, kept);
    return answerAgain(kept.answer, kept.records, query, ageSeconds);
  }

  #keep(key: string, answer: Buffer, records: WireRecord[]): void {
    const seconds = Math.min(keepSeconds(answer, records), mostSeconds);
    if (seconds === 0 || this.#kept.has(key)) return;
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= mostKept && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(key, { answer, records, atMs: this.#clock.now(), seconds });
  }
}
