import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { goNetworkError } from "../../admission/webhooks/go-errors.ts";
import type { ServerParts } from "../../context.ts";
import type { ProxyLocation } from "./location.ts";

/** Connects to a pod, by its node where there is one. Rejects with an Error whose message is a Go client's. */
export async function dialPod({ nodes }: ServerParts, location: ProxyLocation): Promise<Duplex> {
  const { node, namespace, pod, port, address, scheme } = location;
  const target = { host: address, port };
  try {
    const socket =
      nodes === undefined || node === "" ? await dialTcp(address, port) : await nodes.dial(node, namespace, pod, port);
    return scheme === "https" ? await secured(socket) : socket;
  } catch (error) {
    throw new Error(goNetworkError(error as Error, target));
  }
}

function dialTcp(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, noDelay: true });
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

/** Nobody's certificate is checked: pods have none that the server could know. */
function secured(socket: Duplex): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const connection = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
    connection.once("secureConnect", () => {
      connection.off("error", reject);
      resolve(connection);
    });
    connection.once("error", reject);
  });
}
