import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { deflateRaw, gunzip, gzip, inflateRaw, type ZlibOptions } from "node:zlib";
import { status, stringifyJson } from "@podwright/kube";
import { goNetworkError } from "../../admission/webhooks/go-errors.ts";
import type { ServerParts } from "../../context.ts";
import type { ApiRequest, ApiResponse } from "../../request.ts";
import { dialPod } from "./dial.ts";
import { answeredHeaders, forwardedHeaders } from "./headers.ts";
import { joined, type LinkContext, rewriteHtml, rewriteUrl } from "./links.ts";
import type { ProxyLocation } from "./location.ts";

/** Longer pages go through as they are. */
const maxPageBytes = 16 * 1024 * 1024;

/** The query as the client sent it, with its question mark; "" for none. */
export function queryOf({ rawQuery, query }: ApiRequest): string {
  const text = rawQuery ?? query.toString();
  return text === "" ? "" : `?${text}`;
}

/** Sends the request to the pod and gives its answer as it comes. Throws 503 when the pod cannot be reached. */
export async function forwardRequest(
  parts: ServerParts,
  request: ApiRequest,
  location: ProxyLocation,
  path: string,
): Promise<ApiResponse> {
  const prefix = path === "" ? request.path : request.path.slice(0, -path.length);
  const context: LinkContext = {
    prefix,
    targetHost: location.host,
    requestHost: request.headers["host"] ?? "",
  };
  let socket: Duplex;
  try {
    socket = await dialPod(parts, location);
  } catch (error) {
    throw unreachable((error as Error).message);
  }
  const response = await send(socket, request, location, path || "/", joined(prefix, path || "/"));
  const { headers, cookies } = answeredHeaders(response.headers, response.rawHeaders);
  const answer: ApiResponse = {
    status: response.statusCode ?? 502,
    headers,
    ...(cookies.length > 0 && { cookies }),
    body: { type: "stream", chunks: response },
  };
  const { location: redirect } = response.headers;
  if (redirect !== undefined) {
    setHeader(headers, "location", rewriteUrl(redirect, context));
    return answer;
  }
  const type = (response.headers["content-type"] ?? "").split(";")[0]?.trim();
  if (type !== "text/html" || request.method === "HEAD") return answer;
  return rewritten(answer, response, context);
}

function unreachable(message: string): Error {
  return status.serviceUnavailable(`error trying to reach service: ${message}`);
}

function send(
  socket: Duplex,
  request: ApiRequest,
  location: ProxyLocation,
  path: string,
  uri: string,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      createConnection: () => socket,
      method: request.method,
      path: path + queryOf(request),
      headers: { ...forwardedHeaders(request, uri), connection: "close" },
      setHost: request.headers["host"] === undefined,
      signal: request.signal,
    });
    outgoing.on("response", (response) => {
      response.once("close", () => socket.destroy());
      resolve(response);
    });
    outgoing.on("error", (error) => {
      socket.destroy();
      reject(unreachable(goNetworkError(error, { host: location.address, port: location.port })));
    });
    const { incoming, body } = request;
    if (incoming !== undefined) {
      // A client that breaks off is seen by the signal.
      pipeline(incoming, outgoing).catch(() => outgoing.destroy());
    } else if (body === undefined || body instanceof Uint8Array) outgoing.end(body);
    else outgoing.end(stringifyJson(body));
  });
}

/** A few packed bytes may stand for gigabytes. */
const unpackedLimit = { maxOutputLength: maxPageBytes };
const codecs = {
  "": [async (bytes: Buffer) => bytes, async (bytes: Buffer) => bytes],
  gzip: [
    (bytes: Buffer) => promisify<Buffer, ZlibOptions, Buffer>(gunzip)(bytes, unpackedLimit),
    promisify<Buffer, Buffer>(gzip),
  ],
  deflate: [
    (bytes: Buffer) => promisify<Buffer, ZlibOptions, Buffer>(inflateRaw)(bytes, unpackedLimit),
    promisify<Buffer, Buffer>(deflateRaw),
  ],
} as const;

/** The page with its links going by the proxy, unless it is too long or packed in a way nobody knows here. */
async function rewritten(answer: ApiResponse, response: IncomingMessage, context: LinkContext): Promise<ApiResponse> {
  const codec = codecs[(response.headers["content-encoding"] ?? "") as keyof typeof codecs];
  if (codec === undefined) return answer;
  const chunks: Buffer[] = [];
  let length = 0;
  const iterator = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (let next = await iterator.next(); ; next = await iterator.next()) {
    if (next.done) break;
    chunks.push(next.value);
    length += next.value.length;
    if (length > maxPageBytes) return { ...answer, body: { type: "stream", chunks: remaining(chunks, iterator) } };
  }
  const page = await codec[0](Buffer.concat(chunks)).catch(() => undefined);
  if (page === undefined) return { ...answer, body: { type: "stream", chunks: remaining(chunks, iterator) } };
  const body = await codec[1](Buffer.from(rewriteHtml(page.toString("utf8"), context)));
  const headers = { ...answer.headers };
  for (const name of Object.keys(headers)) if (name.toLowerCase() === "content-length") delete headers[name];
  return { ...answer, headers, body: { type: "bytes", chunks: [body] } };
}

async function* remaining(chunks: readonly Buffer[], iterator: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
}

function setHeader(headers: Record<string, string>, lower: string, value: string): void {
  const name = Object.keys(headers).find((each) => each.toLowerCase() === lower) ?? lower;
  headers[name] = value;
}
