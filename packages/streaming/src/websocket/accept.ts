import type { WebSocket } from "ws";
import { defaultIdleMs, guardConnection, offeredProtocols, refuseUpgrade, type Upgrade } from "../upgrade.ts";

/** Larger messages end the connection, as upstream's server has it. */
const maxMessageBytes = 32 * 1024 * 1024;

/**
 * Makes a WebSocket of the connection, with the first subprotocol of the client's that is supported; "" among them
 * means that a client may offer none. Undefined after answering with a refusal.
 */
export async function acceptWebSocket(
  { request, socket, head }: Upgrade,
  supported: readonly string[],
  idleMs = defaultIdleMs,
): Promise<{ webSocket: WebSocket; protocol: string } | undefined> {
  const offered = offeredProtocols(request.headers);
  const protocol = offered.length === 0 ? "" : offered.find((each) => supported.includes(each));
  if (protocol === undefined || !supported.includes(protocol)) {
    refuseUpgrade(socket, 403, "", {});
    return undefined;
  }
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    clientTracking: false,
  });
  // Answered here: ws takes "SPDY/3.1+portforward.k8s.io", which is no token, for an error.
  delete request.headers["sec-websocket-protocol"];
  server.on("headers", (headers) => {
    if (protocol !== "") headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
  });
  return await new Promise((resolve) => {
    server.on("wsClientError", (error) => {
      if (/version/i.test(error.message)) {
        refuseUpgrade(socket, 400, "missing or bad WebSocket Version", { "Sec-WebSocket-Version": "13" });
      } else refuseUpgrade(socket, 400, "mismatch challenge/response", {});
      resolve(undefined);
    });
    socket.once("close", () => resolve(undefined));
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("error", () => webSocket.terminate());
      // After ws, which takes timers away.
      guardConnection(socket, idleMs);
      resolve({ webSocket, protocol });
    });
  });
}
