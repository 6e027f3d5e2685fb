/** Requests that want to become a WebSocket or SPDY: they take the same way through the server as all others. */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { status } from "@podwright/kube";
import type { serveWebSocketChunks } from "@podwright/streaming";
import { drained } from "@podwright/streaming/drained";
import { isWebSocketRequest, refuseUpgrade, type Upgrade } from "@podwright/streaming/upgrade";
import { errorResponse } from "./output/response.ts";
import type { ApiRequest, ApiResponse, WatchBody } from "./request.ts";
import type { ApiServer } from "./server.ts";

/** More at once are refused: each holds a connection, and often a process. */
const maxSessions = 4000;
const retryAfterSeconds = 1;

export interface UpgradeServer {
  /** For the "upgrade" event of Node's HTTP server. */
  serve(incoming: IncomingMessage, socket: Duplex, head: Buffer, toApiRequest: ToApiRequest): void;
  /** Ends all sessions. */
  close(): void;
}

type ToApiRequest = (signal: AbortSignal) => ApiRequest;

export function createUpgradeServer(api: ApiServer): UpgradeServer {
  const sessions = new Set<Duplex>();

  async function run(upgrade: Upgrade, toApiRequest: ToApiRequest): Promise<void> {
    const { socket } = upgrade;
    const gone = new AbortController();
    socket.once("close", () => gone.abort());
    const response = await api.handle(toApiRequest(gone.signal));
    if (socket.destroyed) return;
    await answer(upgrade, response);
  }

  return {
    serve(incoming, socket, head, toApiRequest) {
      socket.on("error", () => socket.destroy());
      if (sessions.size >= maxSessions) {
        const refusal = status.tooManyRequests("too many streams, please try again later", retryAfterSeconds);
        refuse(socket, errorResponse(refusal));
        return;
      }
      sessions.add(socket);
      socket.once("close", () => sessions.delete(socket));
      run({ request: incoming, socket, head }, toApiRequest).catch(() => socket.destroy());
    },
    close() {
      for (const socket of sessions) socket.destroy();
    },
  };
}

async function answer(upgrade: Upgrade, response: ApiResponse): Promise<void> {
  const { body } = response;
  switch (body.type) {
    case "upgrade":
      return body.serve(upgrade);
    case "bytes":
      return refuse(upgrade.socket, response);
    case "watch":
      if (!isWebSocketRequest(upgrade.request.headers)) break;
      return sendChunks(upgrade, watchMessages(body), {
        text: body.protobuf === undefined,
        announce: false,
        protocols: [""],
      });
    case "stream":
      if (!isWebSocketRequest(upgrade.request.headers) || response.status !== 200) break;
      return sendChunks(upgrade, body.chunks);
  }
  return sendUnframed(upgrade.socket, response);
}

/** Its code is loaded for the first. */
async function sendChunks(...given: Parameters<typeof serveWebSocketChunks>): Promise<void> {
  await (await import("@podwright/streaming")).serveWebSocketChunks(...given);
}

/** Messages have their length already, so protobuf comes without it. */
async function* watchMessages({ frames, protobuf }: WatchBody): AsyncGenerator<Buffer> {
  for await (const frame of frames) yield protobuf ? frame.protobuf(protobuf).subarray(4) : frame.bytes();
}

function refuse(socket: Duplex, { status: code, headers, body }: ApiResponse): void {
  if (body.type !== "bytes") return;
  refuseUpgrade(socket, code, Buffer.concat(body.chunks.map((chunk) => Buffer.from(chunk))), headers);
}

/** A body without an end known before, to a client that wanted some other upgrade: the connection's end is its end. */
async function sendUnframed(socket: Duplex, { status: code, headers, body }: ApiResponse): Promise<void> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${code} Status\r\n${lines.join("")}Connection: close\r\n\r\n`);
  const chunks = body.type === "stream" ? body.chunks : body.type === "watch" ? watchMessages(body) : [];
  for await (const chunk of chunks) {
    if (socket.destroyed) return;
    if (!socket.write(chunk)) await drained(socket);
  }
  socket.end();
}
