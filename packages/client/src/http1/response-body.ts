/** The connection that a body comes by. */
export interface BodySource {
  pause(): void;
  resume(): void;
  /** Ends the connection: nobody reads on. */
  abandon(): void;
}

/** What waits for its reader before the server has to wait. */
const maxWaitingBytes = 1024 * 1024;

/** A body as it comes; read once, whole or piece by piece. */
export class ResponseBody implements AsyncIterable<Buffer> {
  readonly #source: BodySource;
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #whole = false;
  #paused = false;
  #ended = false;
  #error: unknown;
  #wake: (() => void) | undefined;

  constructor(source: BodySource) {
    this.#source = source;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (!this.#whole && !this.#paused && this.#waitingBytes > maxWaitingBytes) {
      this.#paused = true;
      this.#source.pause();
    }
    if (!this.#whole) this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  /** Everything as text. Rejects when the connection breaks. */
  text(): Promise<string> {
    if (this.#ended) return this.#error === undefined ? Promise.resolve(this.#takeText()) : Promise.reject(this.#error);
    this.#whole = true;
    this.#flow();
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#wake = () => (this.#error === undefined ? resolve(this.#takeText()) : reject(this.#error));
    return promise;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.#waitingBytes -= chunk.length;
          yield chunk;
          continue;
        }
        if (this.#error !== undefined) throw this.#error;
        if (this.#ended) return;
        this.#flow();
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.#wake = undefined;
      this.#chunks = [];
      if (!this.#ended) this.#source.abandon();
    }
  }

  #takeText(): string {
    const chunks = this.#chunks;
    this.#chunks = [];
    if (chunks.length === 0) return "";
    return (chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString("utf8");
  }

  #flow(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#source.resume();
  }
}
