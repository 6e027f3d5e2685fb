import { type KubeObject, messageOf, StatusError, status } from "@podwright/kube";
import type { WatchFrame } from "../request.ts";
import { errorFrame, MadeFrame, type WatchTransform } from "./frame.ts";

export interface ConvertedWatchOptions {
  /** Gives the object in the watcher's version, later. */
  convert(object: KubeObject): Promise<KubeObject>;
  /** What is made of the converted object. */
  transform: WatchTransform | undefined;
  signal: AbortSignal;
}

/**
 * The events of a watch whose objects a webhook converts: one after the other, so that they stay in order, while the
 * watch holds those that come meanwhile. A conversion that fails ends it with an ERROR event.
 */
export class ConvertedWatch implements AsyncIterableIterator<WatchFrame> {
  readonly #frames: AsyncIterableIterator<WatchFrame>;
  readonly #options: ConvertedWatchOptions;
  #isEnded = false;
  /** Breaks off the conversion that is waited for. */
  #breakOff: (() => void) | undefined;
  #isFirst = true;
  readonly #onAbort = () => this.#end();

  constructor(frames: AsyncIterableIterator<WatchFrame>, options: ConvertedWatchOptions) {
    this.#frames = frames;
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next event, when it is converted. One call at a time. */
  async next(): Promise<IteratorResult<WatchFrame>> {
    if (this.#isFirst) this.#options.signal.addEventListener("abort", this.#onAbort, { once: true });
    const frame = this.#isEnded ? undefined : await this.#nextFrame();
    return frame === undefined ? { value: undefined, done: true } : { value: frame, done: false };
  }

  /** Ends the watch at once: what is waiting is dropped. */
  async return(): Promise<IteratorResult<WatchFrame>> {
    this.#end();
    await this.#frames.return?.();
    return { value: undefined, done: true };
  }

  #end(): void {
    this.#isEnded = true;
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    this.#breakOff?.();
  }

  async #nextFrame(): Promise<WatchFrame | undefined> {
    const result = await this.#frames.next();
    if (result.done) {
      this.#end();
      return undefined;
    }
    try {
      return await this.#unlessEnded(this.#converted(result.value));
    } catch (error) {
      await this.return();
      const failure = error instanceof StatusError ? error : status.internalError(messageOf(error));
      return errorFrame(failure.status);
    }
  }

  /** Undefined as soon as the watch ends. */
  #unlessEnded(frame: Promise<WatchFrame>): Promise<WatchFrame | undefined> {
    return new Promise((resolve, reject) => {
      this.#breakOff = () => resolve(undefined);
      frame.then(resolve, reject);
    });
  }

  async #converted(frame: WatchFrame): Promise<WatchFrame> {
    const { convert, transform } = this.#options;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    if (frame.type === "ERROR") return frame;
    const object = frame.type === "BOOKMARK" ? frame.object() : await convert(frame.object());
    if (transform === undefined) return object === frame.object() ? frame : new MadeFrame(frame.type, () => object);
    return new MadeFrame(frame.type, () => transform.apply(object, isFirst));
  }
}
