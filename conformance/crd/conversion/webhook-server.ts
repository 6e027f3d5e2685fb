import { type ReviewAnswer, startReviewServer } from "../../admission/review-server.ts";
import type { WebhookServer } from "../../admission/webhook-server.ts";
import type { Json } from "../requests.ts";

interface ConversionRequest {
  uid: string;
  desiredAPIVersion: string;
  objects: Widget[];
}
interface Widget extends Json {
  apiVersion: string;
  metadata: Json & { name: string };
  spec?: Json;
  status?: Json;
}
type Answer = { response: Json | undefined; review?: Json } | ReviewAnswer;

/** What v1 calls size is capacity in v2, in spec and status. */
function convert(widget: Widget, apiVersion: string): Widget {
  const field = apiVersion.endsWith("/v1") ? "size" : "capacity";
  const renamed = ({ size, capacity = size, ...rest }: Json): Json =>
    capacity === undefined ? rest : { ...rest, [field]: capacity };
  const { spec, status } = widget;
  return { ...widget, apiVersion, ...(spec && { spec: renamed(spec) }), ...(status && { status: renamed(status) }) };
}

const success = { status: "Success" };

/** Every object converted, then changed. */
const converting =
  (change: (widget: Widget) => unknown = (widget) => widget) =>
  ({ objects, desiredAPIVersion }: ConversionRequest): Answer => ({
    response: { convertedObjects: objects.map((each) => change(convert(each, desiredAPIVersion))), result: success },
  });

const withMetadata = (metadata: Json) =>
  converting((widget) => ({ ...widget, metadata: { ...widget.metadata, ...metadata } }));

const convertedBy = (request: ConversionRequest): Json => (converting()(request) as { response: Json }).response;

/** By the path without its slash. */
export const answers: Record<string, (request: ConversionRequest) => Answer> = {
  convert: converting(),
  record: converting(),
  relabel: withMetadata({ labels: { converted: "yes" }, annotations: { "example.com/converted": "yes" } }),
  meddle: withMetadata({ finalizers: ["example.com/x"], generation: 77, creationTimestamp: null, managedFields: [] }),
  prune: converting((widget) => ({ ...widget, spec: { ...widget.spec, unknown: 1 }, other: true })),
  "wrong-uid": (request) => ({ response: { ...convertedBy(request), uid: "zz" } }),
  fewer: () => ({ response: { convertedObjects: [], result: success } }),
  more: ({ objects }) => ({ response: { convertedObjects: [...objects, ...objects], result: success } }),
  "no-objects": () => ({ response: { result: success } }),
  rename: withMetadata({ name: "renamed" }),
  "other-namespace": withMetadata({ namespace: "elsewhere" }),
  "other-uid": withMetadata({ uid: "11" }),
  "other-kind": converting((widget) => ({ ...widget, kind: "Gadget" })),
  unconverted: ({ objects }) => ({ response: { convertedObjects: objects, result: success } }),
  "no-kind-object": converting(({ apiVersion }) => ({ apiVersion, metadata: {}, spec: {} })),
  "no-metadata": converting(({ metadata: _, ...widget }) => widget),
  "text-metadata": converting((widget) => ({ ...widget, metadata: "m" })),
  "text-labels": withMetadata({ labels: "x" }),
  "number-label": withMetadata({ labels: { a: 1 } }),
  "bad-label": withMetadata({ labels: { "a b": "c" } }),
  "bad-label-value": withMetadata({ labels: { a: "c d" } }),
  "bad-annotation": withMetadata({ annotations: { "a b": "c" } }),
  failure: () => ({ response: { result: { status: "Failure", message: "cannot do that" } } }),
  "failure-without-message": () => ({ response: { result: { status: "Failure" } } }),
  "no-result": ({ objects }) => ({ response: { convertedObjects: objects } }),
  "no-response": () => ({ response: undefined }),
  "no-kind": (request) => ({ response: convertedBy(request), review: { apiVersion: undefined, kind: undefined } }),
  "other-review": (request) => ({ response: convertedBy(request), review: { kind: "Other" } }),
  "other-version": (request) => ({
    response: convertedBy(request),
    review: { apiVersion: "apiextensions.k8s.io/v1beta1" },
  }),
  empty: () => ({ text: "" }),
  "http-500": () => ({ status: 500, text: "boom" }),
  "http-500-text": () => ({ status: 500, text: "boom", type: "text/plain" }),
  "http-404": () => ({ status: 404, text: "nope" }),
  "http-403": () => ({ status: 403, text: "nope" }),
  status: () => ({
    status: 500,
    text: JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message: "custom", code: 500 }),
  }),
  close: () => "disconnect",
};

/** A server of conversion webhooks; it tells of the first review that came to /record since it was asked. */
export async function startConversionServer(): Promise<WebhookServer> {
  let received: unknown;
  const server = await startReviewServer((path, url, review) => {
    if (path === "record") received ??= { url, review };
    const answer = answers[path]?.(review.request) ?? "disconnect";
    if (typeof answer === "string" || "text" in answer) return answer;
    return { text: JSON.stringify(reviewOf(review, answer)) };
  });
  return {
    ...server,
    takeReceived() {
      const taken = received === undefined ? [] : [received];
      received = undefined;
      return taken;
    },
  };
}

function reviewOf(
  { apiVersion, kind, request }: { apiVersion: string; kind: string; request: ConversionRequest },
  { response, review }: { response: Json | undefined; review?: Json },
): Json {
  return { apiVersion, kind, response: response && { uid: request.uid, ...response }, ...review };
}
