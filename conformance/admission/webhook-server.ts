import https from "node:https";
import type { AddressInfo } from "node:net";
import { createCertificateAuthority } from "@podwright/pki";

/** An HTTPS server on loopback whose paths are ways to answer a review. */
export interface WebhookServer {
  url: string;
  /** Base64 of PEM. */
  caBundle: string;
  /** The requests of the reviews that came to /record since this was last asked. */
  takeReceived(): unknown[];
  close(): Promise<void>;
}

interface ReviewRequest {
  uid: string;
  object?: { metadata?: { labels?: Record<string, string> } };
}

type Answer = { response: unknown } | { status?: number; text: string; type?: string } | "disconnect" | "hang";

const patch = (operations: unknown): Record<string, unknown> => ({
  allowed: true,
  patchType: "JSONPatch",
  patch: Buffer.from(typeof operations === "string" ? operations : JSON.stringify(operations)).toString("base64"),
});

/** By the path without its slash. */
export const answers: Record<string, (request: ReviewRequest) => Answer> = {
  allow: () => ({ response: { allowed: true } }),
  record: () => ({ response: { allowed: true } }),
  label: () => ({ response: patch([{ op: "add", path: "/metadata/labels/mutated", value: "yes" }]) }),
  deny: () => ({ response: { allowed: false } }),
  "deny-message": () => ({
    response: { allowed: false, status: { message: "no way", code: 403, reason: "Forbidden" } },
  }),
  "deny-reason": () => ({ response: { allowed: false, status: { reason: "Because" } } }),
  "deny-details": () => ({
    response: {
      allowed: false,
      status: { message: "m", code: 422, details: { causes: [{ field: "a", message: "b" }] } },
    },
  }),
  "deny-success": () => ({ response: { allowed: false, status: { status: "Success", code: 200, message: "odd" } } }),
  warn: () => ({ response: { allowed: true, warnings: ["careful", 'careful "q"', "careful"] } }),
  "wrong-uid": () => ({ response: { uid: "zz", allowed: true } }),
  "no-response": () => ({ response: undefined }),
  "patch-without-type": () => ({ response: { ...patch([]), patchType: undefined } }),
  "type-without-patch": () => ({ response: { ...patch([]), patch: undefined } }),
  "type-unknown": () => ({ response: { ...patch([{ op: "add", path: "/x", value: 1 }]), patchType: "Merge" } }),
  "patch-empty": () => ({ response: patch([]) }),
  "patch-missing": () => ({ response: patch([{ op: "remove", path: "/metadata/labels/zz" }]) }),
  "patch-test": () => ({ response: patch([{ op: "test", path: "/metadata/name", value: "zz" }]) }),
  "patch-wrong-type": () => ({ response: patch([{ op: "add", path: "/data", value: { a: 1 } }]) }),
  "patch-unknown-field": () => ({ response: patch([{ op: "add", path: "/zork", value: 1 }]) }),
  "patch-bad-label": () => ({ response: patch([{ op: "add", path: "/metadata/labels/a b", value: "c" }]) }),
  "not-base64": () => ({ response: { ...patch([]), patch: "!!!" } }),
  empty: () => ({ text: "" }),
  "no-kind": ({ uid }) => ({ text: JSON.stringify({ response: { uid, allowed: true } }) }),
  "other-version": ({ uid }) => ({
    text: JSON.stringify({
      apiVersion: "admission.k8s.io/v1beta1",
      kind: "AdmissionReview",
      response: { uid, allowed: true },
    }),
  }),
  "http-500": () => ({ status: 500, text: "boom" }),
  "http-500-text": () => ({ status: 500, text: "boom", type: "text/plain" }),
  "http-404": () => ({ status: 404, text: "nope" }),
  "http-403": () => ({ status: 403, text: "nope" }),
  "http-400": () => ({ status: 400, text: "nope" }),
  "http-503": () => ({ status: 503, text: "nope" }),
  status: () => ({
    status: 500,
    text: JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message: "custom", code: 500 }),
  }),
  close: () => "disconnect",
  hang: () => "hang",
};

export async function startWebhookServer(): Promise<WebhookServer> {
  const authority = createCertificateAuthority("webhooks", Date.now());
  const { key, cert } = authority.issue({ commonName: "webhook", hosts: ["127.0.0.1"], usage: "server" });
  let received: unknown[] = [];
  const server = https.createServer({ key, cert, ALPNProtocols: ["http/1.1"] }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const review = JSON.parse(Buffer.concat(chunks).toString());
      const path = (request.url ?? "").slice(1).split("?")[0] ?? "";
      if (path === "record") received.push(review);
      const answer = answers[path]?.(review.request) ?? answers["allow"]?.(review.request);
      if (answer === "disconnect") request.socket.destroy();
      else if (answer !== "hang" && answer !== undefined) {
        const text =
          "text" in answer
            ? answer.text
            : JSON.stringify({
                apiVersion: review.apiVersion,
                kind: review.kind,
                response: withUid(answer.response, review),
              });
        const { status = 200, type = "application/json" } = "text" in answer ? answer : {};
        response.writeHead(status, { "content-type": type });
        response.end(text);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    caBundle: Buffer.from(authority.cert).toString("base64"),
    takeReceived() {
      const taken = received;
      received = [];
      return taken;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function withUid(response: unknown, review: { request: ReviewRequest }): unknown {
  return response === undefined ? undefined : { uid: review.request.uid, ...(response as object) };
}
