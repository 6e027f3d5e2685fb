/** A DNS server on one address, over UDP and TCP. */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import type { Logger } from "@podwright/client";
import type { Resolver } from "./resolver.ts";

export interface DnsServer {
  address: string;
  port: number;
  close(): Promise<void>;
}

export interface DnsServerOptions {
  address: string;
  /** Tried in this order; 0: any free one. */
  ports: readonly number[];
  resolver: Resolver;
  logger: Logger;
}

const mostInFlight = 1024;
const mostConnections = 256;
const mostPerConnection = 32;
const idleMs = 10_000;
const tries = 5;

/** Listens, on the same port for both. Rejects when no port can be had. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  let failure: unknown;
  for (const port of options.ports.flatMap((each) => (each === 0 ? new Array<number>(tries).fill(0) : [each]))) {
    try {
      return await listen(options, port);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function listen({ address, resolver, logger }: DnsServerOptions, port: number): Promise<DnsServer> {
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    serveConnection(socket, resolver);
  });
  tcp.maxConnections = mostConnections;
  await listening(tcp, () => tcp.listen({ host: address, port, exclusive: true }));
  const bound = tcp.address();
  const chosen = typeof bound === "object" && bound !== null ? bound.port : port;
  const udp = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
  try {
    await listening(udp, () => udp.bind({ address, port: chosen, exclusive: true }));
  } catch (error) {
    tcp.close();
    throw error;
  }
  const failed = (error: Error): void => logger.warn("the DNS server's socket failed", { error: error.message });
  tcp.on("error", failed);
  udp.on("error", failed);
  serveDatagrams(udp, resolver);
  return {
    address,
    port: chosen,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([
        new Promise<void>((resolve) => tcp.close(() => resolve())),
        new Promise<void>((resolve) => udp.close(() => resolve())),
      ]);
    },
  };
}

function listening(socket: Server | UdpSocket, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const emitter = socket as Server;
    emitter.once("error", reject);
    emitter.once("listening", () => {
      emitter.off("error", reject);
      resolve();
    });
    begin();
  });
}

function serveDatagrams(udp: UdpSocket, resolver: Resolver): void {
  let inFlight = 0;
  let isOpen = true;
  udp.on("close", () => {
    isOpen = false;
  });
  udp.on("message", (query, from) => {
    // Clients ask again; a queue would only make every answer late.
    if (inFlight >= mostInFlight) return;
    inFlight++;
    resolver
      .resolve(query, "udp")
      .then((answer) => {
        if (answer !== undefined && isOpen) udp.send(answer, from.port, from.address);
      })
      .catch(() => undefined)
      .finally(() => inFlight--);
  });
}

/** Queries with their length before them, several at once if the client likes. */
function serveConnection(socket: Socket, resolver: Resolver): void {
  let received: Buffer = Buffer.alloc(0);
  let inFlight = 0;
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  const take = (): void => {
    while (inFlight < mostPerConnection && received.length >= 2) {
      const end = 2 + received.readUInt16BE(0);
      if (received.length < end) return;
      const query = Buffer.from(received.subarray(2, end));
      received = received.subarray(end);
      inFlight++;
      resolver
        .resolve(query, "tcp")
        .then((answer) => answer !== undefined && write(answer))
        .catch(() => socket.destroy())
        .finally(() => {
          inFlight--;
          socket.resume();
          take();
        });
    }
    if (inFlight >= mostPerConnection) socket.pause();
  };
  const write = (answer: Buffer): void => {
    if (socket.destroyed) return;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(answer.length);
    socket.write(Buffer.concat([length, answer]));
  };
  socket.on("data", (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    take();
  });
}
