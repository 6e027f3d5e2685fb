import type { IncomingMessage } from "node:http";
import { SpdyConnection } from "../spdy/connection.ts";

/** What a failed upgrade's answer may say. */
const maxAnswerBytes = 64 * 1024;
/** A server that has not answered by then is taken for hung. */
const answerMs = 30_000;

/**
 * Opens a SPDY/3.1 connection by an upgraded POST. Rejects with `unable to upgrade connection: TEXT` when the server
 * answers with anything else, and when it does not answer.
 *
 * @param url http:, as CRI runtimes give for their streaming servers
 */
export async function connectSpdy(url: string, protocol: string): Promise<SpdyConnection> {
  const { request } = await import("node:http");
  return await new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: "POST",
      agent: false,
      headers: {
        Connection: "Upgrade",
        Upgrade: "SPDY/3.1",
        "X-Stream-Protocol-Version": protocol,
        "Content-Length": "0",
      },
    });
    const late = setTimeout(() => outgoing.destroy(new Error("the server does not answer")), answerMs);
    outgoing.once("close", () => clearTimeout(late));
    outgoing.on("upgrade", (_response, socket, head) => {
      clearTimeout(late);
      socket.on("error", () => socket.destroy());
      resolve(new SpdyConnection(socket, { side: "client", head }));
    });
    outgoing.on("response", (response) => {
      textOf(response).then(
        (text) => reject(new Error(`unable to upgrade connection: ${text || `status ${response.statusCode}`}`)),
        reject,
      );
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += chunk.toString("utf8");
    if (text.length > maxAnswerBytes) break;
  }
  response.destroy();
  return text.trim();
}
