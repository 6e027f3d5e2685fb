/** Asks other DNS servers, for names that are not the cluster's. */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Clock } from "@podwright/client";
import { answers } from "./wire.ts";

export interface UpstreamServer {
  address: string;
  port: number;
}

export type Transport = "udp" | "tcp";

export interface UpstreamOptions {
  /** In the order they are to be asked. */
  servers(): Promise<readonly UpstreamServer[]>;
  clock: Clock;
  /** How long a server may take before the next one is asked as well. */
  patienceMs?: number;
  /** How long a question may take in all. */
  limitMs?: number;
}

const failedForMs = 10_000;
/** While all servers fail: for the next question to find out that one is back. */
const shortLimitMs = 500;

export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #failed = new Map<string, number>();

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /**
   * The first answer to the query, with the query's id; undefined when no server has answered in time. A server
   * that failed a moment ago is asked last.
   */
  async ask(query: Buffer, transport: Transport): Promise<Buffer | undefined> {
    const { clock, patienceMs = 800, limitMs = 2000 } = this.#options;
    const servers = [...(await this.#options.servers())].sort(
      (a, b) => Number(this.#hasFailed(a)) - Number(this.#hasFailed(b)),
    );
    if (servers.length === 0) return undefined;
    const limit = servers.every((server) => this.#hasFailed(server)) ? Math.min(shortLimitMs, limitMs) : limitMs;
    const ended = new AbortController();
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
    const deadline = clock.after(limit, () => resolve(undefined), { background: true });
    const asking: UpstreamServer[] = [];
    let next = clock.after(0, () => {});
    const askNext = (): void => {
      next.cancel();
      const server = servers.shift();
      if (server === undefined) {
        if (asking.length === 0) resolve(undefined);
        return;
      }
      asking.push(server);
      next = clock.after(patienceMs, askNext, { background: true });
      askOne(server, query, transport, ended.signal).then(
        (answer) => {
          this.#failed.delete(keyOf(server));
          resolve(answer);
        },
        () => {
          asking.splice(asking.indexOf(server), 1);
          this.#failed.set(keyOf(server), clock.now());
          if (!ended.signal.aborted) askNext();
        },
      );
    };
    askNext();
    const answer = await promise;
    if (answer === undefined) for (const server of asking) this.#failed.set(keyOf(server), clock.now());
    deadline.cancel();
    next.cancel();
    ended.abort();
    return answer;
  }

  #hasFailed(server: UpstreamServer): boolean {
    const at = this.#failed.get(keyOf(server));
    return at !== undefined && this.#options.clock.now() - at < failedForMs;
  }
}

function keyOf({ address, port }: UpstreamServer): string {
  return `${address} ${port}`;
}

/** Rejects when the server cannot be asked or answers what is no answer. */
async function askOne(
  server: UpstreamServer,
  query: Buffer,
  transport: Transport,
  signal: AbortSignal,
): Promise<Buffer> {
  const asked = Buffer.from(query);
  // A number of our own, from a port of its own: harder to guess for somebody who would answer in another's name.
  asked.writeUInt16BE(randomInt(0x10000), 0);
  const answer = await (transport === "udp" ? askUdp : askTcp)(server, asked, signal);
  query.copy(answer, 0, 0, 2);
  return answer;
}

function askUdp({ address, port }: UpstreamServer, query: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    let isOpen = true;
    const end = (done: () => void): void => {
      if (!isOpen) return;
      isOpen = false;
      socket.close();
      done();
    };
    signal.addEventListener("abort", () => end(() => reject(new Error("no longer wanted"))), { once: true });
    socket.on("error", (error) => end(() => reject(error)));
    // What is no answer to this question is somebody else's, and waited over.
    socket.on("message", (message) => answers(message, query) && end(() => resolve(message)));
    // Without a route there is an error and no connection.
    const connected = (error?: Error): void => {
      if (error) end(() => reject(error));
      else if (isOpen) socket.send(query);
    };
    socket.connect(port, address, connected);
  });
}

function askTcp({ address, port }: UpstreamServer, query: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, signal });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.on("connect", () => socket.write(Buffer.concat([length, query])));
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      socket.destroy();
      const message = received.subarray(2, 2 + received.readUInt16BE(0));
      if (answers(message, query)) resolve(Buffer.from(message));
      else reject(new Error("another question's answer"));
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed without an answer")));
  });
}
