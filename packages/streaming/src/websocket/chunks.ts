import type { Upgrade } from "../upgrade.ts";
import { acceptWebSocket } from "./accept.ts";

/**
 * Sends chunks as the messages of a WebSocket, as upstream does with logs and other bodies that have no end
 * (k8s.io/apimachinery/pkg/util/httpstream/wsstream/stream.go). What the client sends is dropped. Resolves when the
 * chunks or the client have ended.
 *
 * @param announce an empty message goes first
 * @param text messages are text, not binary
 */
export async function serveWebSocketChunks(
  upgrade: Upgrade,
  chunks: AsyncIterable<string | Uint8Array>,
  { announce = true, text = false, protocols = ["", "binary.k8s.io", "base64.binary.k8s.io"] } = {},
): Promise<void> {
  const accepted = await acceptWebSocket(upgrade, protocols);
  if (accepted === undefined) return;
  const { webSocket, protocol } = accepted;
  const base64 = protocol.startsWith("base64.");
  const send = (chunk: Uint8Array): Promise<boolean> =>
    new Promise((resolve) => {
      if (webSocket.readyState !== webSocket.OPEN) return resolve(false);
      const sent = (error?: Error): void => resolve(error === undefined || error === null);
      if (base64) webSocket.send(Buffer.from(chunk).toString("base64"), { binary: false }, sent);
      else webSocket.send(chunk, { binary: !text }, sent);
    });
  if (announce) await send(Buffer.alloc(0));
  for await (const chunk of chunks) {
    if (!(await send(typeof chunk === "string" ? Buffer.from(chunk) : chunk))) break;
  }
  webSocket.close(1000);
}
