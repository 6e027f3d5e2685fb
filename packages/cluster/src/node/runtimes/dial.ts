import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { LoopbackRelays } from "./loopback-relays.ts";

/** Long enough for a network that drops packets to be told from one that is slow. */
const connectMs = 10_000;

/**
 * A TCP connection to a port of a pod: by its address, and where nobody listens there, on the loopback address in
 * its network namespace. Throws an Error that says what was refused.
 *
 * @param pid of a process in that namespace, when it is on this machine
 */
export async function dialPod(
  relays: LoopbackRelays,
  ip: string | undefined,
  port: number,
  pid: number | undefined,
): Promise<Duplex> {
  // The node's network is that of this process.
  if (ip === undefined) return open("localhost", port);
  try {
    return await open(ip, port);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED" || pid === undefined) throw error;
    if (process.getuid?.() !== 0) {
      throw new Error(
        `dial tcp4 ${ip}:${port}: connect: connection refused (what listens on the pod's loopback address only is reached as root)`,
      );
    }
    return relays.dial(pid, port).catch((cause: NodeJS.ErrnoException) => {
      const why = cause.code === "ECONNREFUSED" ? "connection refused" : cause.message;
      throw new Error(`dial tcp4 127.0.0.1:${port}: connect: ${why}`, { cause });
    });
  }
}

function open(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, autoSelectFamily: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`dial tcp4 ${host}:${port}: i/o timeout`));
    }, connectMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const why = error.code === "ECONNREFUSED" ? "connection refused" : error.message;
      reject(Object.assign(new Error(`dial tcp4 ${host}:${port}: connect: ${why}`), { code: error.code }));
    });
  });
}
