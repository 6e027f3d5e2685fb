/** The server's side of port-forward (k8s.io/kubelet/pkg/cri/streaming/portforward). */
import type { Duplex } from "node:stream";
import {
  defaultIdleMs,
  guardConnection,
  isWebSocketRequest,
  offeredProtocols,
  refuseUpgrade,
  type Upgrade,
} from "../upgrade.ts";
import { readPorts } from "./ports.ts";
import { serveSpdyForwards } from "./spdy-forwards.ts";
import { serveTunnel, tunnelProtocols } from "./tunnel.ts";
import { serveWebSocketForwards } from "./websocket-forwards.ts";

export interface PortForwardOptions {
  /** For the text of a failure. */
  pod: string;
  /** Of the query; clients that speak SPDY name ports with each connection. */
  ports: readonly string[];
  /** Opens a connection to a port in the pod. Rejects with the reason when there is none. */
  dial(port: number): Promise<Duplex>;
  /** Nothing may go over the connection for so long. Default 4 h. */
  idleMs?: number;
}

/** Serves an upgrade request as port-forward until the client ends. Does not reject. */
export async function servePortForward(upgrade: Upgrade, options: PortForwardOptions): Promise<void> {
  const { request, socket } = upgrade;
  socket.on("error", () => socket.destroy());
  guardConnection(socket, options.idleMs ?? defaultIdleMs);
  if (!isWebSocketRequest(request.headers)) return serveSpdyForwards(upgrade, options);
  if (tunnelProtocols(offeredProtocols(request.headers)).length > 0) return serveTunnel(upgrade, options);
  const ports = readPorts(options.ports);
  if (typeof ports === "string") {
    refuseUpgrade(socket, 400, ports);
    return;
  }
  return serveWebSocketForwards(upgrade, options, ports);
}
