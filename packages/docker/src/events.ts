import { setTimeout as sleep } from "node:timers/promises";
import { formatDockerAddress } from "./docker-address.ts";
import type { DockerClient } from "./docker-client.ts";
import { DockerError } from "./docker-error.ts";
import { jsonLines } from "./json-lines.ts";

export interface DockerEvent {
  /** "container", "image", "network", "volume", … */
  Type: string;
  /** "start", "die", "oom", "exec_die", "destroy"; of images "pull", "load", "tag", "untag", "delete", … */
  Action: string;
  Actor: {
    ID: string;
    /** Of containers: its labels, name, image; of die exitCode; of exec_die execID and exitCode. */
    Attributes: Record<string, string>;
  };
  /** Nanoseconds since the epoch; not exact as a number. */
  timeNano: number;
}

export interface WatchEventsOptions {
  docker: DockerClient;
  /** As the Engine API has them: { type: ["container"], label: ["key=value"], event: ["die"] }. */
  filters?: Readonly<Record<string, readonly string[]>>;
  onEvent: (event: DockerEvent) => void;
  /**
   * The stream stands, at first and after it was lost. Events in between are lost: look for yourself what has
   * changed. Events come when this has resolved.
   */
  onConnected?: () => Promise<void> | void;
  /** The stream was lost or could not be had; it is tried again. Told once until it is connected again. */
  onLost?: (error: DockerError) => void;
  /** Before the first new attempt; doubled up to 20 times of it. Default 100. */
  retryMs?: number;
}

export interface EventWatch {
  /** The first time that the stream stands and {@link WatchEventsOptions.onConnected} has resolved. */
  readonly connected: Promise<void>;
  close(): Promise<void>;
}

/** Follows the daemon's events over its restarts, until it is closed. */
export function watchEvents(options: WatchEventsOptions): EventWatch {
  const { docker, filters, onEvent, onConnected, onLost, retryMs = 100 } = options;
  const stop = new AbortController();
  const first = Promise.withResolvers<void>();
  let lost = false;
  let failures = 0;

  const once = async (): Promise<void> => {
    const query = filters === undefined ? {} : { filters: JSON.stringify(filters) };
    // The daemon answers when it listens for events: what happens from here on comes.
    const answer = await docker.stream("GET", "/events", { query, signal: stop.signal });
    answer.on("error", () => {});
    const early: DockerEvent[] = [];
    let ready = false;
    const reading = (async () => {
      for await (const event of jsonLines<DockerEvent>(answer as AsyncIterable<Buffer>)) {
        if (ready) onEvent(event);
        else early.push(event);
      }
    })();
    reading.catch(() => {});
    try {
      await onConnected?.();
      ready = true;
      lost = false;
      failures = 0;
      for (const event of early.splice(0)) onEvent(event);
      first.resolve();
      await reading;
    } finally {
      answer.destroy();
    }
    throw new DockerError(0, "the docker daemon ended its stream of events");
  };

  const running = (async () => {
    while (!stop.signal.aborted) {
      try {
        await once();
      } catch (error) {
        if (stop.signal.aborted) break;
        if (!lost) {
          lost = true;
          onLost?.(error instanceof DockerError ? error : lostError(docker, error));
        }
        const delayMs = retryMs * Math.min(2 ** failures, 20);
        failures += 1;
        await sleep(delayMs, undefined, { signal: stop.signal }).catch(() => {});
      }
    }
    first.reject(new DockerError(0, "closed"));
  })();
  first.promise.catch(() => {});

  return {
    connected: first.promise,
    async close() {
      stop.abort();
      await running;
    },
  };
}

function lostError(docker: DockerClient, cause: unknown): DockerError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const address = formatDockerAddress(docker.address);
  return new DockerError(0, `the connection to the docker daemon at ${address} was lost: ${why}`, { cause });
}
