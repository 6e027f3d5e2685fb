import { request as httpRequest } from "node:http";
import type { Duplex } from "node:stream";
import { guardConnection, refuseUpgrade, type Upgrade } from "@podwright/streaming";
import type { ServerParts } from "../../context.ts";
import { plainError } from "../../output/plain-error.ts";
import type { ApiRequest, ApiResponse } from "../../request.ts";
import { dialPod } from "./dial.ts";
import { queryOf } from "./forward.ts";
import { forwardedHeaders } from "./headers.ts";
import { joined } from "./links.ts";
import type { ProxyLocation } from "./location.ts";

/** Where the pod speaks after an upgrade, the bytes go both ways as they are. */
const idleMs = 4 * 60 * 60 * 1000;
/** What a pod may say of its refusal. */
const maxRefusalBytes = 1024 * 1024;

/** Asks the pod for the upgrade that the client wants, and connects the two. Throws when the pod cannot be reached. */
export async function forwardUpgrade(
  parts: ServerParts,
  request: ApiRequest,
  location: ProxyLocation,
  path: string,
): Promise<ApiResponse> {
  let socket: Duplex;
  try {
    socket = await dialPod(parts, location);
  } catch (error) {
    throw plainError(`error dialing backend: ${(error as Error).message}`);
  }
  const prefix = path === "" ? request.path : request.path.slice(0, -path.length);
  const answer = await ask(socket, request, path || "/", joined(prefix, path || "/"));
  if (answer.type === "refused") {
    if (answer.status < 400) throw plainError(`invalid upgrade response: status code ${answer.status}`);
    const { status, headers, text } = answer;
    const serve = async ({ socket: client }: Upgrade) => refuseUpgrade(client, status, text, headers);
    return { status, headers: {}, body: { type: "upgrade", serve } };
  }
  return { status: 101, headers: {}, body: { type: "upgrade", serve: (upgrade) => join(upgrade, answer) } };
}

type Answer =
  | { type: "switched"; head: string; socket: Duplex; first: Buffer }
  | { type: "refused"; status: number; headers: Record<string, string>; text: Buffer };

function ask(socket: Duplex, request: ApiRequest, path: string, uri: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { upgrade = "" } = request.headers;
    const outgoing = httpRequest({
      createConnection: () => socket,
      method: request.method,
      path: path + queryOf(request),
      headers: { ...forwardedHeaders(request, uri), connection: "Upgrade", upgrade },
      setHost: request.headers["host"] === undefined,
      signal: request.signal,
    });
    outgoing.on("upgrade", (response, connection, first) => {
      let head = `HTTP/1.1 101 ${response.statusMessage || "Switching Protocols"}\r\n`;
      for (let index = 0; index < response.rawHeaders.length; index += 2) {
        head += `${response.rawHeaders[index]}: ${response.rawHeaders[index + 1]}\r\n`;
      }
      resolve({ type: "switched", head: `${head}\r\n`, socket: connection, first });
    });
    outgoing.on("response", async (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      try {
        for await (const chunk of response as AsyncIterable<Buffer>) {
          chunks.push(chunk);
          length += chunk.length;
          if (length > maxRefusalBytes) break;
        }
      } catch {
        // What came of it is the answer.
      }
      socket.destroy();
      const type = response.headers["content-type"];
      const headers: Record<string, string> = type === undefined ? {} : { "Content-Type": type };
      resolve({ type: "refused", status: response.statusCode ?? 502, headers, text: Buffer.concat(chunks) });
    });
    outgoing.on("error", (error) => reject(plainError(`error dialing backend: ${error.message}`)));
    outgoing.end();
  });
}

/** Until either end has no more to say. */
function join({ socket: client, head: early }: Upgrade, answer: Answer & { type: "switched" }): Promise<void> {
  const { socket: pod, head, first } = answer;
  guardConnection(client, idleMs);
  return new Promise((resolve) => {
    const end = (): void => {
      client.destroy();
      pod.destroy();
      resolve();
    };
    for (const side of [client, pod]) side.on("error", end).on("close", end);
    client.write(head);
    if (first.length > 0) client.write(first);
    if (early.length > 0) pod.write(early);
    client.pipe(pod);
    pod.pipe(client);
  });
}
