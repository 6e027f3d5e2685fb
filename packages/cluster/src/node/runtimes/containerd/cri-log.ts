import { type FSWatcher, watch } from "node:fs";
import type { LogLine, LogOptions } from "../../runtime.ts";
import { type LogFile, openNext, openTail } from "./log-files.ts";

export interface LogSource {
  /** The file that is written; those that were rotated away are beside it. None is an empty log. */
  path: string;
  /** Resolves when the container writes no more. */
  ended: Promise<unknown>;
  /** Tells when the log was rotated; gives what ends it. */
  onRotated(path: string, listener: () => void): () => void;
}

/**
 * Reads a log as containerd writes it: "TIME STREAM F TEXT", with P for parts of a line that goes on
 * (k8s.io/cri-client/pkg/logs/logs.go). Reads on as it is read, a chunk in memory at a time.
 */
export async function* readCriLog(source: LogSource, options: LogOptions): AsyncGenerator<LogLine> {
  const { sinceMs, stream, signal } = options;
  for await (const line of lines(source, options)) {
    if (signal.aborted) return;
    const parsed = parseLine(line);
    if (parsed === undefined || (sinceMs !== undefined && parsed.timeMs < sinceMs)) continue;
    if (stream === undefined || parsed.stream === stream) yield parsed;
  }
}

const chunkBytes = 64 * 1024;
const newline = 0x0a;

async function* lines(source: LogSource, { follow, tailLines, signal }: LogOptions): AsyncGenerator<Buffer> {
  const { path } = source;
  const started: (LogFile & { position?: number }) | undefined = await (tailLines === undefined
    ? openNext(path, undefined)
    : openTail(path, tailLines));
  if (started === undefined) return;
  let file: LogFile = started;
  let isWritten = file.path === path;
  let position = started.position ?? 0;
  let rest: Buffer = Buffer.alloc(0);
  const changes = follow ? new LogChanges(source, signal) : undefined;
  try {
    for (;;) {
      const isLast = changes?.isOver ?? true;
      if (changes?.takeRotation()) isWritten = false;
      const { buffer, bytesRead } = await file.handle.read(Buffer.alloc(chunkBytes), 0, chunkBytes, position);
      position += bytesRead;
      const data =
        rest.length === 0 ? buffer.subarray(0, bytesRead) : Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      let from = 0;
      for (let end = data.indexOf(newline); end >= 0; end = data.indexOf(newline, from)) {
        yield data.subarray(from, end);
        from = end + 1;
      }
      rest = data.subarray(from);
      if (bytesRead > 0) continue;
      const next = isWritten ? undefined : await openNext(path, file.handle);
      if (next !== undefined) {
        await file.handle.close();
        file = next;
        isWritten = file.path === path;
        position = 0;
        changes?.watch();
        continue;
      }
      if (isLast) return;
      await changes?.next();
    }
  } finally {
    changes?.close();
    await file.handle.close();
  }
}

/** Wakes a reader when a log may have grown or was rotated, or will not grow any more. */
class LogChanges {
  isOver = false;
  readonly #path: string;
  readonly #unsubscribe: () => void;
  #watcher: FSWatcher | undefined;
  #rotated = false;
  #changed = Promise.withResolvers<void>();

  constructor({ path, ended, onRotated }: LogSource, signal: AbortSignal) {
    this.#path = path;
    this.#unsubscribe = onRotated(path, () => {
      this.#rotated = true;
      this.#changed.resolve();
    });
    ended.then(this.#over, this.#over);
    signal.addEventListener("abort", this.#over, { once: true });
    if (signal.aborted) this.#over();
    this.watch();
  }

  readonly #over = (): void => {
    this.isOver = true;
    this.#changed.resolve();
  };

  /** Watches the file that is written now. */
  watch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    try {
      this.#watcher = watch(this.#path, () => this.#changed.resolve());
      this.#watcher.on("error", this.#over);
    } catch {
      // It is being rotated this moment: that it was will be told.
    }
  }

  /** Whether it was rotated since it was asked last. */
  takeRotation(): boolean {
    const rotated = this.#rotated;
    this.#rotated = false;
    return rotated;
  }

  async next(): Promise<void> {
    await this.#changed.promise;
    this.#changed = Promise.withResolvers();
    if (this.isOver) this.#changed.resolve();
  }

  close(): void {
    this.#watcher?.close();
    this.#unsubscribe();
  }
}

/** Undefined for what is no line of a log. */
function parseLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(0x20);
  const second = line.indexOf(0x20, first + 1);
  if (first < 0 || second < 0 || line.length < second + 2) return undefined;
  const time = line.toString("latin1", 0, first);
  const stream = line.toString("latin1", first + 1, second);
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs) || (stream !== "stdout" && stream !== "stderr")) return undefined;
  const text = line.subarray(second + 3);
  const isPart = line[second + 1] === 0x50;
  return { timeMs, time, stream, text: isPart ? text : Buffer.concat([text, Buffer.from("\n")]) };
}
