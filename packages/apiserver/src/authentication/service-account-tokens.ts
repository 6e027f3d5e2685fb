import { createPrivateKey, createPublicKey, type KeyObject, randomUUID, sign, verify } from "node:crypto";

/** Whose a token is, and what it is bound to. */
export interface ServiceAccountIdentity {
  namespace: string;
  name: string;
  uid: string;
  pod?: { name: string; uid: string };
  node?: { name: string; uid?: string };
  secret?: { name: string; uid: string };
}

export interface IssuedToken {
  token: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

export interface VerifiedToken extends ServiceAccountIdentity {
  audiences: string[];
  /** Milliseconds since 1970. */
  expiresAt: number;
  /** The token's own id. */
  id: string;
}

/** Issues and checks service accounts' tokens (k8s.io/kubernetes/pkg/serviceaccount/jwt.go, claims.go). */
export interface ServiceAccountTokens {
  readonly issuer: string;
  /** Of tokens that ask for none. */
  readonly audiences: readonly string[];
  /** `now` in milliseconds. */
  issue(
    identity: ServiceAccountIdentity,
    audiences: readonly string[],
    expirationSeconds: number,
    now: number,
  ): IssuedToken;
  /** Undefined for what is no token of ours, or is not valid at this time. Whether its account is still there, others look. */
  verify(token: string, now: number): VerifiedToken | undefined;
}

interface Claims {
  aud: string[];
  exp: number;
  iat: number;
  nbf: number;
  iss: string;
  jti: string;
  sub: string;
  "kubernetes.io": {
    namespace: string;
    serviceaccount: { name: string; uid: string };
    pod?: { name: string; uid: string };
    node?: { name: string; uid?: string };
    secret?: { name: string; uid: string };
  };
}

export interface ServiceAccountTokensOptions {
  /** An EC P-256 private key, PEM: tokens are signed with ES256. */
  signingKey: string;
  issuer?: string;
  audiences?: readonly string[];
}

/** Signatures that were good are remembered: checking one takes longer than serving most requests. */
const maxVerified = 1024;

export function createServiceAccountTokens({
  signingKey,
  issuer = "https://kubernetes.default.svc.cluster.local",
  audiences = [issuer],
}: ServiceAccountTokensOptions): ServiceAccountTokens {
  const privateKey = createPrivateKey(signingKey);
  const publicKey = createPublicKey(privateKey);
  const verified = new Map<string, Claims>();
  return {
    issuer,
    audiences,
    issue(identity, wanted, expirationSeconds, now) {
      const iat = Math.floor(now / 1000);
      const claims: Claims = {
        aud: [...wanted],
        exp: iat + expirationSeconds,
        iat,
        iss: issuer,
        jti: randomUUID(),
        "kubernetes.io": {
          namespace: identity.namespace,
          ...(identity.node && { node: identity.node }),
          ...(identity.pod && { pod: identity.pod }),
          ...(identity.secret && { secret: identity.secret }),
          serviceaccount: { name: identity.name, uid: identity.uid },
        },
        nbf: iat,
        sub: `system:serviceaccount:${identity.namespace}:${identity.name}`,
      };
      return { token: encodeToken(claims, privateKey), expiresAt: claims.exp * 1000 };
    },
    verify(token, now) {
      let claims = verified.get(token);
      if (claims === undefined) {
        claims = decodeToken(token, publicKey);
        if (claims === undefined || claims.iss !== issuer) return undefined;
        if (verified.size >= maxVerified) verified.clear();
        verified.set(token, claims);
      }
      if (now >= claims.exp * 1000 || now < claims.nbf * 1000) return undefined;
      const { namespace, serviceaccount, pod, node, secret } = claims["kubernetes.io"];
      return {
        namespace,
        name: serviceaccount.name,
        uid: serviceaccount.uid,
        ...(pod && { pod }),
        ...(node && { node }),
        ...(secret && { secret }),
        audiences: claims.aud,
        expiresAt: claims.exp * 1000,
        id: claims.jti,
      };
    },
  };
}

function encodeToken(claims: Claims, key: KeyObject): string {
  const content = `${encodePart({ alg: "ES256", typ: "JWT" })}.${encodePart(claims)}`;
  const signature = sign("sha256", Buffer.from(content), { key, dsaEncoding: "ieee-p1363" });
  return `${content}.${signature.toString("base64url")}`;
}

function encodePart(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decodeToken(token: string, key: KeyObject): Claims | undefined {
  const [header, payload, signature, more] = token.split(".");
  if (header === undefined || payload === undefined || signature === undefined || more !== undefined) return undefined;
  try {
    if ((JSON.parse(Buffer.from(header, "base64url").toString()) as { alg?: unknown }).alg !== "ES256")
      return undefined;
    const content = Buffer.from(`${header}.${payload}`);
    const isGood = verify("sha256", content, { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url"));
    return isGood ? (JSON.parse(Buffer.from(payload, "base64url").toString()) as Claims) : undefined;
  } catch {
    return undefined;
  }
}
