import type { Clock } from "@podwright/clock";
import { parseStored } from "../output/response.ts";
import type { UserInfo } from "../request.ts";
import type { Storage } from "../storage/storage.ts";
import { type Authenticator, bearerAuthenticator, withAuthenticatedGroup } from "./authenticator.ts";
import type { ServiceAccountTokens, VerifiedToken } from "./service-account-tokens.ts";

/**
 * Takes service accounts' tokens. One whose account, or the pod or secret it is bound to, is gone or another is no good
 * any more (k8s.io/kubernetes/pkg/serviceaccount/claims.go, Validate).
 */
export function serviceAccountAuthenticator(
  tokens: ServiceAccountTokens,
  storage: Storage,
  clock: Clock,
): Authenticator {
  return bearerAuthenticator((token) => {
    if (!token.includes(".")) return undefined;
    const verified = tokens.verify(token, clock.now());
    if (verified === undefined || !verified.audiences.some((audience) => tokens.audiences.includes(audience))) {
      return undefined;
    }
    return isBound(storage, verified) ? serviceAccountUser(verified) : undefined;
  });
}

function isBound(storage: Storage, { namespace, name, uid, pod, secret }: VerifiedToken): boolean {
  return (
    isStill(storage, `//serviceaccounts/${namespace}/${name}`, uid) &&
    (pod === undefined || isStill(storage, `//pods/${namespace}/${pod.name}`, pod.uid)) &&
    (secret === undefined || isStill(storage, `//secrets/${namespace}/${secret.name}`, secret.uid))
  );
}

function isStill(storage: Storage, key: string, uid: string): boolean {
  const stored = storage.get(key);
  return stored !== undefined && parseStored(stored.value).metadata.uid === uid;
}

/** k8s.io/apiserver/pkg/authentication/serviceaccount/util.go, UserInfo. */
function serviceAccountUser({ namespace, name, uid, pod, node, id }: VerifiedToken): UserInfo {
  const prefix = "authentication.kubernetes.io/";
  return withAuthenticatedGroup({
    username: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
    extra: {
      [`${prefix}credential-id`]: [`JTI=${id}`],
      ...(node && { [`${prefix}node-name`]: [node.name], ...(node.uid && { [`${prefix}node-uid`]: [node.uid] }) }),
      ...(pod && { [`${prefix}pod-name`]: [pod.name], [`${prefix}pod-uid`]: [pod.uid] }),
    },
  });
}
