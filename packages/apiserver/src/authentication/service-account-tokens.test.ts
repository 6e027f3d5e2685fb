import { generateSigningKey } from "@podwright/pki";
import { describe, expect, it } from "vitest";
import { createServiceAccountTokens } from "./service-account-tokens.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const tokens = createServiceAccountTokens({ signingKey: generateSigningKey() });
const identity = { namespace: "ns", name: "robot", uid: "u", pod: { name: "p", uid: "v" } };
const { token } = tokens.issue(identity, tokens.audiences, 600, now);

function withPart(index: number, change: (part: Record<string, unknown>) => object): string {
  const parts = token.split(".");
  const part = JSON.parse(Buffer.from(parts[index] as string, "base64url").toString());
  parts[index] = Buffer.from(JSON.stringify(change(part))).toString("base64url");
  return parts.join(".");
}

describe("a service account's token", () => {
  it("tells whose it is", () => {
    expect(tokens.verify(token, now)).toMatchObject({ ...identity, audiences: [...tokens.audiences] });
  });

  it("has upstream's claims", () => {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] as string, "base64url").toString());
    expect(claims).toMatchObject({
      iss: tokens.issuer,
      sub: "system:serviceaccount:ns:robot",
      iat: now / 1000,
      nbf: now / 1000,
      exp: now / 1000 + 600,
      "kubernetes.io": { namespace: "ns", pod: identity.pod, serviceaccount: { name: "robot", uid: "u" } },
    });
  });

  it("is good from its first second to its last", () => {
    expect(tokens.verify(token, now - 1)).toBeUndefined();
    expect(tokens.verify(token, now + 599_999)).toBeDefined();
    expect(tokens.verify(token, now + 600_000)).toBeUndefined();
  });

  it.each([
    ["with other claims", withPart(1, (claims) => ({ ...claims, sub: "system:serviceaccount:ns:admin" }))],
    ["with another algorithm", withPart(0, () => ({ alg: "none" }))],
    ["without a signature", `${token.split(".").slice(0, 2).join(".")}.`],
    ["cut short", token.slice(0, -4)],
    ["that is none", "a.b.c"],
    [
      "of another cluster",
      createServiceAccountTokens({ signingKey: generateSigningKey() }).issue(identity, ["a"], 600, now).token,
    ],
  ])("%s is refused", (_, forged) => {
    expect(tokens.verify(forged, now)).toBeUndefined();
  });
});
