import type { IncomingHttpHeaders } from "node:http";
import { withoutTokens } from "../../authentication/authenticator.ts";
import type { ApiRequest } from "../../request.ts";

/** Of one connection only (RFC 9110, section 7.6.1). */
const hopByHop: readonly string[] = [
  "connection",
  "proxy-connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** What pods must not see: who asks is the server's business. */
const credentials: readonly string[] = ["authorization", "impersonate-user", "impersonate-group", "impersonate-uid"];

/** A client's headers as the pod gets them. */
export function forwardedHeaders(request: ApiRequest, uri: string): Record<string, string> {
  const listed = (request.headers["connection"] ?? "").split(",").map((name) => name.trim().toLowerCase());
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || hopByHop.includes(name) || listed.includes(name)) continue;
    if (credentials.includes(name) || name.startsWith("impersonate-extra-")) continue;
    headers[name] = name === "sec-websocket-protocol" ? withoutTokens(value) : value;
  }
  if (request.remoteAddress !== undefined) {
    const before = request.headers["x-forwarded-for"];
    headers["x-forwarded-for"] = before === undefined ? request.remoteAddress : `${before}, ${request.remoteAddress}`;
  }
  headers["x-forwarded-uri"] = uri;
  return headers;
}

const removed: readonly string[] = [
  ...hopByHop,
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
];

/** A pod's headers as the client gets them, with its cookies apart. Names that come more than once are joined. */
export function answeredHeaders(given: IncomingHttpHeaders, raw: readonly string[]) {
  const headers: Record<string, string> = {};
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    const lower = name.toLowerCase();
    if (removed.includes(lower) || lower === "set-cookie") continue;
    const value = given[lower];
    if (value !== undefined) headers[name] = [value].flat().join(", ");
  }
  return { headers, cookies: given["set-cookie"] ?? [] };
}
