import type { EventOptions, TransportResponse, WatchEvent } from "./transport.ts";
import { TransportError, transportFailure } from "./transport-error.ts";

/** What a watch of a native kind asks for: protobuf costs the API server a fifth of what JSON does. */
export const watchAccept = "application/vnd.kubernetes.protobuf;stream=watch,application/json";

/** Longer than any object a server stores (etcd takes 1.5 MiB), short enough not to fill the memory. */
const defaultMaxFrameBytes = 16 * 1024 * 1024;
const headerBytes = 4;

/** Whether an answer's body is protobuf: a watch's events, or the Status of an error. */
export function isProtobuf({ headers }: Pick<TransportResponse, "headers">): boolean {
  return headers["content-type"]?.startsWith("application/vnd.kubernetes.protobuf") === true;
}

/**
 * A whole event that cannot be read into the types known here: of a newer server, most likely. A JSON watch of the
 * same objects can.
 */
export class UnreadableEvent extends TransportError {
  constructor(method: string, path: string, cause: Error) {
    super(method, path, `a watch event is no protobuf of a known type: ${cause.message}`, "EBADBODY", cause);
    this.name = "UnreadableEvent";
  }
}

/**
 * The events of a protobuf watch's body: each is a length (four bytes, the highest first) and a WatchEvent message
 * (k8s.io/apimachinery/pkg/util/framer/framer.go). Objects are the very ones that a JSON watch gives. When the reader
 * stops early the body is ended; when it is slow, TCP makes the server wait.
 * Throws TransportError when the connection breaks, a frame is too long, or the body ends within one;
 * {@link UnreadableEvent} for a frame that holds something else.
 */
export async function* protobufEvents(
  method: string,
  path: string,
  body: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
  { maxFrameBytes = defaultMaxFrameBytes, ...options }: EventOptions & { maxFrameBytes?: number } = {},
): AsyncGenerator<WatchEvent, void, undefined> {
  // The type table takes time and memory that programs which watch nothing native need not spend.
  let decode: ((frame: Uint8Array) => WatchEvent) | undefined;
  // What came of a frame so far; joined only when its end is there, so that a large object which comes in many
  // chunks is not copied again for each of them.
  let parts: Uint8Array[] = [];
  let partsLength = 0;
  let wanted = headerBytes;
  try {
    for await (const chunk of body) {
      let rest = chunk;
      if (partsLength > 0) {
        parts.push(chunk);
        partsLength += chunk.length;
        if (partsLength < wanted) continue;
        rest = Buffer.concat(parts, partsLength);
        parts = [];
        partsLength = 0;
      }
      let start = 0;
      for (;;) {
        wanted = headerBytes;
        if (rest.length - start < wanted) break;
        const length = lengthAt(rest, start);
        if (length > maxFrameBytes) {
          throw new TransportError(method, path, `a watch event is longer than ${maxFrameBytes} bytes`, "EBADBODY");
        }
        wanted = headerBytes + length;
        if (rest.length - start < wanted) break;
        decode ??= await eventDecoder(method, path, options);
        const event = decode(rest.subarray(start + headerBytes, start + wanted));
        start += wanted;
        yield event;
      }
      if (start < rest.length) {
        parts = [rest.subarray(start)];
        partsLength = rest.length - start;
      }
    }
    if (partsLength > 0) {
      throw new TransportError(method, path, "the watch ended in the middle of an event", "EBADBODY");
    }
  } catch (error) {
    throw transportFailure(method, path, error, signal);
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

async function eventDecoder(
  method: string,
  path: string,
  options: EventOptions,
): Promise<(frame: Uint8Array) => WatchEvent> {
  const { decodeWatchEvent } = await import("@podwright/kube/watch-event");
  return (frame) => {
    try {
      return decodeWatchEvent(frame, options) as unknown as WatchEvent;
    } catch (error) {
      throw new UnreadableEvent(method, path, error as Error);
    }
  };
}
