import type { WatchEvent } from "./transport.ts";
import { TransportError, transportFailure } from "./transport-error.ts";
import { parseWire } from "./wire-json.ts";

/** Longer than any object a server stores (etcd takes 1.5 MiB), short enough not to fill the memory. */
const defaultMaxLineBytes = 16 * 1024 * 1024;

/**
 * The events of a watch answer: one JSON text per line, handed on as each line is complete. When the reader
 * stops early the connection is closed; when it is slow, TCP makes the server wait.
 * Throws TransportError when the connection breaks, a line is no JSON or too long, or the text ends within a line.
 */
export async function* watchStream(
  method: string,
  path: string,
  body: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
  maxLineBytes: number = defaultMaxLineBytes,
): AsyncGenerator<WatchEvent, void, undefined> {
  // The part of a line that came so far; joined only when its end is there, so that a large object which
  // comes in many chunks is not searched and copied again for each of them.
  let parts: Uint8Array[] = [];
  let partsLength = 0;
  try {
    for await (const chunk of body) {
      let start = 0;
      for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
        let line = chunk.subarray(start, end);
        start = end + 1;
        if (parts.length > 0) {
          parts.push(line);
          line = Buffer.concat(parts);
          parts = [];
          partsLength = 0;
        }
        if (line.length > maxLineBytes) throw tooLong(method, path, maxLineBytes);
        if (line.length > 1 || (line.length === 1 && line[0] !== carriageReturn)) yield parseEvent(method, path, line);
      }
      if (start < chunk.length) {
        parts.push(start === 0 ? chunk : chunk.subarray(start));
        partsLength += chunk.length - start;
        if (partsLength > maxLineBytes) throw tooLong(method, path, maxLineBytes);
      }
    }
    if (partsLength > 0) {
      throw new TransportError(method, path, "the watch ended in the middle of an event", "EBADBODY");
    }
  } catch (error) {
    throw transportFailure(method, path, error, signal);
  }
}

const newline = 10;
const carriageReturn = 13;

function tooLong(method: string, path: string, maxLineBytes: number): TransportError {
  return new TransportError(method, path, `a watch event is longer than ${maxLineBytes} bytes`, "EBADBODY");
}

function parseEvent(method: string, path: string, bytes: Uint8Array): WatchEvent {
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  let event: unknown;
  try {
    event = parseWire(line);
  } catch (cause) {
    throw new TransportError(method, path, `a watch event is no JSON: ${line.slice(0, 100)}`, "EBADBODY", cause);
  }
  const { type, object } = (event ?? {}) as Partial<WatchEvent>;
  if (typeof type !== "string" || typeof object !== "object" || object === null) {
    throw new TransportError(method, path, `not a watch event: ${line.slice(0, 100)}`, "EBADBODY");
  }
  return event as WatchEvent;
}
