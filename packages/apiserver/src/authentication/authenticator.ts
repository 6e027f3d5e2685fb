import { status } from "@podwright/kube";
import { isWebSocketRequest, offeredProtocols } from "@podwright/streaming/upgrade";
import { anonymousUser } from "../authorization/authorizer.ts";
import type { ApiRequest, UserInfo } from "../request.ts";

/** Finds out who sends a request, by one kind of credential. */
export interface Authenticator {
  /**
   * The user, or undefined when the request has no credential of this kind. Throws the 401 Status for one that
   * is no good.
   */
  authenticate(request: ApiRequest): UserInfo | undefined | Promise<UserInfo | undefined>;
  /** The user of a bearer token, or undefined: for TokenReview. */
  authenticateToken?(token: string): UserInfo | undefined | Promise<UserInfo | undefined>;
}

/** Proves itself by being somebody: all who are not anonymous. */
export const authenticatedGroup = "system:authenticated";

/** Asks the authenticators in turn. A request without any credential is anonymous; throws 401 when all it has is no good. */
export async function authenticate(authenticators: readonly Authenticator[], request: ApiRequest): Promise<UserInfo> {
  if (request.user !== undefined) return request.user;
  for (const authenticator of authenticators) {
    const found = authenticator.authenticate(request);
    const user = found instanceof Promise ? await found : found;
    if (user !== undefined) return user;
  }
  // Other schemes are no credentials here, and upstream does not look at them.
  if (request.clientCertificate === "invalid" || bearerToken(request) !== undefined) throw status.unauthorized();
  return anonymousUser;
}

/** Adds the group of all who are somebody. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  return user.groups.includes(authenticatedGroup) ? user : { ...user, groups: [...user.groups, authenticatedGroup] };
}

/** Finds the user of a request by its bearer token. */
export function bearerAuthenticator(find: (token: string) => UserInfo | undefined): Authenticator {
  return {
    authenticate(request) {
      const token = bearerToken(request);
      return token === undefined ? undefined : find(token);
    },
    authenticateToken: find,
  };
}

/** The token of "Authorization: Bearer TOKEN", or that of a browser's WebSocket, which cannot send such a header. */
function bearerToken({ headers }: ApiRequest): string | undefined {
  const header = headers["authorization"];
  if (header === undefined) return isWebSocketRequest(headers) ? webSocketToken(headers) : undefined;
  if (!/^bearer /i.test(header)) return undefined;
  const token = header.slice(7).trim();
  return token === "" ? undefined : token;
}

const tokenProtocol = "base64url.bearer.authorization.k8s.io.";

/**
 * A token among the subprotocols (k8s.io/apiserver/pkg/authentication/request/websocket/protocol.go). Throws 401 for
 * more than one, and for one that comes alone: there is no protocol left to answer with.
 */
function webSocketToken(headers: ApiRequest["headers"]): string | undefined {
  const offered = offeredProtocols(headers);
  const tokens = offered.filter((protocol) => protocol.startsWith(tokenProtocol));
  const first = tokens[0];
  if (first === undefined) return undefined;
  const token = Buffer.from(first.slice(tokenProtocol.length), "base64url").toString("utf8");
  if (tokens.length > 1 || tokens.length === offered.length || token === "") throw status.unauthorized();
  return token;
}

/** The subprotocols without those that are secrets. */
export function withoutTokens(header: string): string {
  return header
    .split(",")
    .filter((protocol) => !protocol.trim().startsWith(tokenProtocol))
    .join(",");
}
