import { createHash } from "node:crypto";
import type { UserInfo } from "../request.ts";
import { type Authenticator, bearerAuthenticator, withAuthenticatedGroup } from "./authenticator.ts";

/** Fixed bearer tokens, each with its user. */
export function staticTokenAuthenticator(tokens: Iterable<readonly [token: string, user: UserInfo]>): Authenticator {
  // Looked up by hash, so that the time a look-up takes tells nothing about the tokens.
  const users = new Map<string, UserInfo>();
  for (const [token, user] of tokens) users.set(hash(token), withAuthenticatedGroup(user));
  return bearerAuthenticator((token) => users.get(hash(token)));
}

function hash(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}
