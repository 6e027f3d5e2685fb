/** Controllers that many clusters never need: their code is loaded with the first object that they are there for. */
import { type Clock, sleep } from "@podwright/clock";
import type { KubeObject } from "@podwright/kube";
import type { Informer } from "./informer.ts";
import type { InformerFactory } from "./informer-factory.ts";

/** Calls when there is something to do, at once if there is already. Gives a function that ends it. */
export type Occasion = (happened: () => void) => () => void;

/** An object of the informer's, or one that is as asked. */
export function whenThereIs<T extends KubeObject>(
  informer: Informer<T>,
  isMeant: (object: T) => boolean = () => true,
): Occasion {
  return (happened) => {
    const look = (object: T): void => {
      if (isMeant(object)) happened();
    };
    return informer.onChange({ added: look, updated: look });
  };
}

export interface OnDemandOptions {
  occasions: readonly Occasion[];
  /** Loads the code, and makes what is started when the informers that it has asked for have synced. */
  load(): Promise<{ start(): unknown; stop(): Promise<void> }>;
  informers: Pick<InformerFactory, "synced">;
  clock: Clock;
  /** Told why it could not be started. It is tried again. */
  onError(error: unknown): void;
}

const firstRetryMs = 1_000;
const longestRetryMs = 30_000;

/**
 * Starts something with the first of the occasions. It sees all objects that are there when it is made, as after any
 * start of the process: what was changed or deleted before cannot matter to it.
 */
export function onDemand(options: OnDemandOptions): { stop(): Promise<void> } {
  const { load, informers, clock } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const ends: (() => void)[] = [];
  let running: Promise<{ stop(): Promise<void> } | undefined> | undefined;

  async function begin(): Promise<{ stop(): Promise<void> } | undefined> {
    for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(2 * retryMs, longestRetryMs)) {
      let made: Awaited<ReturnType<typeof load>> | undefined;
      try {
        made = await load();
        await unlessAborted(informers.synced(), signal);
        if (!signal.aborted) await made.start();
        return made;
      } catch (error) {
        if (signal.aborted) return made;
        options.onError(error);
        await made?.stop();
        await sleep(clock, retryMs, signal);
      }
    }
    return undefined;
  }

  function happened(): void {
    running ??= begin();
    endAll();
  }

  function endAll(): void {
    for (const end of ends.splice(0)) end();
  }

  for (const occasion of options.occasions) ends.push(occasion(happened));
  if (running !== undefined) endAll();

  return {
    async stop() {
      stopping.abort();
      endAll();
      await (await running)?.stop();
    },
  };
}

/** Resolves with the promise, or when the signal aborts. */
function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => aborted.resolve(), { once: true });
  return Promise.race([promise, aborted.promise]);
}
