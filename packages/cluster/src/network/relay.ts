/** Hands TCP connections on: pods reach what listens on the machine's loopback address only, at the gateway. */
import { connect, createServer, type Socket } from "node:net";

export interface Relay {
  port: number;
  close(): Promise<void>;
}

const mostConnections = 4096;

/** Listens on any free port of the address. */
export async function startRelay(address: string, target: { host: string; port: number }): Promise<Relay> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    join(client, connect({ ...target, allowHalfOpen: true }), sockets);
  });
  server.maxConnections = mostConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port: 0, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Each hands on what the other gets; when one fails, so does the other. `open` holds them while they live. */
export function join(client: Socket, upstream: Socket, open: Set<Socket>): void {
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    open.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      open.delete(socket);
      other.destroySoon();
    });
    socket.pipe(other);
  }
}
