import type { Duplex } from "node:stream";
import { acceptSpdy } from "../spdy/accept.ts";
import { SpdyConnection } from "../spdy/connection.ts";
import type { SpdyStream } from "../spdy/stream.ts";
import type { Upgrade } from "../upgrade.ts";
import { forward } from "./forward.ts";
import { readPort } from "./ports.ts";
import type { PortForwardOptions } from "./serve.ts";

const protocol = "portforward.k8s.io";
/** Both streams of a connection are there by then. */
const creationMs = 30_000;

export async function serveSpdyForwards(upgrade: Upgrade, options: PortForwardOptions): Promise<void> {
  if (acceptSpdy(upgrade, [protocol]) === undefined) return;
  await serveForwards(upgrade.socket, upgrade.head, options);
}

interface Pair {
  error?: SpdyStream;
  data?: SpdyStream;
  timer: NodeJS.Timeout;
}

/** Serves connections that are each an error and a data stream, over anything that carries SPDY, until it ends. */
export async function serveForwards(carrier: Duplex, head: Buffer, options: PortForwardOptions): Promise<void> {
  const pairs = new Map<string, Pair>();
  const connection = new SpdyConnection(carrier, { side: "server", head, onStream: (stream) => add(stream) });

  function add(stream: SpdyStream): boolean {
    const type = stream.headers["streamtype"];
    const port = readPort(stream.headers["port"] ?? "");
    if ((type !== "error" && type !== "data") || typeof port === "string") return false;
    const id = requestId(stream, type);
    let pair = pairs.get(id);
    if (pair === undefined) {
      const made: Pair = { timer: setTimeout(() => expire(id, made), creationMs).unref() };
      pairs.set(id, made);
      pair = made;
    }
    if (pair[type] !== undefined) {
      const text = `error processing stream for request ${id}: ${type} stream already assigned`;
      pair.error?.write(text);
      return true;
    }
    pair[type] = stream;
    const { error, data } = pair;
    if (error !== undefined && data !== undefined) {
      clearTimeout(pair.timer);
      pairs.delete(id);
      // The answer to the stream goes out first.
      queueMicrotask(() => void connect(error, data, port));
    }
    return true;
  }

  async function connect(error: SpdyStream, data: SpdyStream, port: number): Promise<void> {
    const failure = await forward(data, port, options);
    error.resume();
    if (failure === undefined) {
      error.end();
      return;
    }
    error.end(failure, () => {
      data.destroy();
      error.destroy();
    });
  }

  function expire(id: string, pair: Pair): void {
    pairs.delete(id);
    pair.error?.end(`(request=${id}) timed out waiting for streams`);
    pair.data?.destroy();
  }

  await connection.closed;
  for (const { timer } of pairs.values()) clearTimeout(timer);
}

/** Old clients number their connections by their streams: the data stream comes right after the error stream. */
function requestId({ headers, id }: SpdyStream, type: "error" | "data"): string {
  return headers["requestid"] || String(type === "error" ? id : id - 2);
}
