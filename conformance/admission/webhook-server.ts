import { type ReviewAnswer, type ReviewServer, startReviewServer } from "./review-server.ts";

/** A server whose paths are ways to answer a review. */
export interface WebhookServer extends ReviewServer {
  /** The requests of the reviews that came to /record since this was last asked. */
  takeReceived(): unknown[];
}

interface ReviewRequest {
  uid: string;
  object?: { metadata?: { labels?: Record<string, string> } };
}

type Answer = { response: unknown } | ReviewAnswer;

const patch = (operations: unknown): Record<string, unknown> => ({
  allowed: true,
  patchType: "JSONPatch",
  patch: Buffer.from(typeof operations === "string" ? operations : JSON.stringify(operations)).toString("base64"),
});

const allow = (): Answer => ({ response: { allowed: true } });

/** By the path without its slash. */
export const answers: Record<string, (request: ReviewRequest) => Answer> = {
  allow,
  record: allow,
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
  let received: unknown[] = [];
  const server = await startReviewServer((path, _, review) => {
    if (path === "record") received.push(review);
    const answer = (answers[path] ?? allow)(review.request);
    if (typeof answer === "string" || "text" in answer) return answer;
    const { apiVersion, kind } = review;
    return { text: JSON.stringify({ apiVersion, kind, response: withUid(answer.response, review) }) };
  });
  return {
    ...server,
    takeReceived() {
      const taken = received;
      received = [];
      return taken;
    },
  };
}

function withUid(response: unknown, review: { request: ReviewRequest }): unknown {
  return response === undefined ? undefined : { uid: review.request.uid, ...(response as object) };
}
