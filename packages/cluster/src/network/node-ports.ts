/**
 * Node ports on the machine's loopback address, which the kernel will not translate to another machine's: this
 * process listens there and hands on to an endpoint. Without iptables it listens on all addresses.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Logger } from "@podwright/client";
import { join } from "./relay.ts";
import type { Endpoint, ServicePortEntry } from "./service-ports.ts";

const mostConnections = 1024;
const mostUdpClients = 256;
const udpIdleMs = 60_000;

interface Listener {
  target: { endpoints: readonly Endpoint[]; affine: boolean };
  close(): void;
}

export class NodePortListeners {
  readonly #host: string;
  readonly #logger: Logger;
  readonly #listeners = new Map<string, Listener>();

  /** @param host what to listen on, e.g. "127.0.0.1". */
  constructor(host: string, logger: Logger) {
    this.#host = host;
    this.#logger = logger;
  }

  /** Listens on the ports of those that have endpoints, and no others: the rest are refused by the kernel. */
  update(entries: readonly ServicePortEntry[]): void {
    const wanted = new Map<string, ServicePortEntry>();
    for (const entry of entries) {
      if (entry.nodePort === 0 || entry.endpoints.length === 0 || entry.protocol === "SCTP") continue;
      wanted.set(`${entry.protocol} ${entry.nodePort}`, entry);
    }
    for (const [key, listener] of this.#listeners) {
      if (wanted.has(key)) continue;
      listener.close();
      this.#listeners.delete(key);
    }
    for (const [key, entry] of wanted) {
      const target = { endpoints: entry.endpoints, affine: entry.affinitySeconds !== undefined };
      const present = this.#listeners.get(key);
      if (present !== undefined) present.target = target;
      else this.#listeners.set(key, this.#listen(entry, target));
    }
  }

  close(): void {
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
  }

  #listen({ name, protocol, nodePort }: ServicePortEntry, target: Listener["target"]): Listener {
    const listener: Listener = { target, close: () => {} };
    const failed = (error: Error): void =>
      this.#logger.warn("a node port cannot be listened on", { service: name, nodePort, error: error.message });
    listener.close =
      protocol === "TCP"
        ? listenTcp(this.#host, nodePort, listener, failed)
        : listenUdp(this.#host, nodePort, listener, failed);
    return listener;
  }
}

function choose({ endpoints, affine }: Listener["target"]): Endpoint | undefined {
  return endpoints[affine ? 0 : Math.floor(Math.random() * endpoints.length)];
}

function listenTcp(host: string, port: number, listener: Listener, failed: (error: Error) => void): () => void {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const endpoint = choose(listener.target);
    if (endpoint === undefined) return void client.destroy();
    join(client, connect({ host: endpoint.ip, port: endpoint.port, allowHalfOpen: true }), sockets);
  });
  server.maxConnections = mostConnections;
  server.on("error", failed);
  server.listen({ host, port, exclusive: true });
  return () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
}

function listenUdp(host: string, port: number, listener: Listener, failed: (error: Error) => void): () => void {
  const clients = new Map<string, { socket: UdpSocket; endpoint: Endpoint; idle: NodeJS.Timeout }>();
  const server = createSocket({ type: "udp4" });
  const forget = (key: string): void => {
    const client = clients.get(key);
    if (client === undefined) return;
    clearTimeout(client.idle);
    clients.delete(key);
    client.socket.close();
  };
  server.on("error", failed);
  server.on("message", (message, from) => {
    const key = `${from.address}:${from.port}`;
    let client = clients.get(key);
    if (client !== undefined && !listener.target.endpoints.some((endpoint) => same(endpoint, client?.endpoint))) {
      forget(key);
      client = undefined;
    }
    if (client === undefined) {
      const endpoint = choose(listener.target);
      if (endpoint === undefined || clients.size >= mostUdpClients) return;
      const socket = createSocket("udp4");
      client = { socket, endpoint, idle: setTimeout(() => forget(key), udpIdleMs).unref() };
      clients.set(key, client);
      socket.on("error", () => forget(key));
      socket.on("message", (answer) => server.send(answer, from.port, from.address));
    }
    client.idle.refresh();
    client.socket.send(message, client.endpoint.port, client.endpoint.ip);
  });
  server.bind({ address: host, port, exclusive: true });
  return () => {
    for (const key of [...clients.keys()]) forget(key);
    server.close();
  };
}

function same(a: Endpoint, b: Endpoint | undefined): boolean {
  return a.ip === b?.ip && a.port === b.port;
}
