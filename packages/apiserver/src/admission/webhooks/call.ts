import { randomUUID } from "node:crypto";
import { type JsonObject, type JsonValue, type KubeObject, type Status, StatusError, status } from "@podwright/kube";
import type { Conversions } from "../../resources/conversion.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Webhook } from "./configuration.ts";
import type { Dial } from "./endpoint.ts";
import { createEndpointPool } from "./endpoint-pool.ts";
import type { Invocation } from "./matching.ts";
import { encodeReview, InvalidReviewError, type ObjectEncoder, type ReviewResponse, readReview } from "./review.ts";
import type { ServiceResolver } from "./service-resolver.ts";

/** The webhook could not be asked, or its answer not be used: its failurePolicy decides what that means. */
export class WebhookCallError extends Error {
  constructor(webhook: string, reason: string) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${reason}`);
    this.name = "WebhookCallError";
  }
}

/** Asks webhooks, over connections that are kept between requests. */
export interface WebhookCaller {
  /**
   * Asks one webhook.
   *
   * @throws StatusError when it denies, or does not support dry runs
   * @throws WebhookCallError
   */
  call(
    invocation: Invocation,
    attributes: AdmissionAttributes,
    type: "mutating" | "validating",
    encoder: ObjectEncoder,
    conversions: Conversions,
  ): Promise<ReviewResponse>;
  /** Lets go of connections to webhooks that are not in this list any more. */
  keepOnly(webhooks: readonly Webhook[]): void;
}

export function createWebhookCaller(resolve: ServiceResolver, dial?: Dial): WebhookCaller {
  const endpoints = createEndpointPool(resolve, dial);

  return {
    async call(invocation, attributes, type, encoder, conversions) {
      const { webhook } = invocation;
      if (attributes.dryRun && !webhook.supportsDryRun) {
        throw status.badRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
      }
      if (webhook.reviewVersion === undefined) {
        throw new WebhookCallError(
          webhook.name,
          "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)",
        );
      }
      const uid = randomUUID();
      const seen = (object: KubeObject | undefined) =>
        object && conversions.convert(object, attributes.resource, invocation.resource);
      const versioned = {
        ...invocation,
        ...(await conversions.run(() => ({ object: seen(attributes.object), oldObject: seen(attributes.oldObject) }))),
      };
      const body = encodeReview(uid, versioned, attributes, encoder);
      let review: unknown;
      try {
        const text = await endpoints.of(webhook.clientConfig).post(body, webhook.timeoutSeconds);
        review = parseReview(text, webhook.reviewVersion);
      } catch (error) {
        throw new WebhookCallError(webhook.name, `failed to call webhook: ${(error as Error).message}`);
      }
      let response: ReviewResponse;
      try {
        response = readReview(review, uid, webhook, type);
      } catch (error) {
        if (!(error instanceof InvalidReviewError)) throw error;
        throw new WebhookCallError(webhook.name, `received invalid webhook response: ${error.message}`);
      }
      for (const warning of response.warnings) attributes.warn(warning);
      if (!response.allowed) throw denial(webhook.name, response.status);
      return response;
    },
    keepOnly: (webhooks) => endpoints.keepOnly(webhooks.map(({ clientConfig }) => clientConfig)),
  };
}

/** Reads an answer as upstream's decoder would: the kind must be the one that was sent, or absent. */
function parseReview(text: string, version: "v1" | "v1beta1"): unknown {
  let review: JsonObject;
  try {
    review = JSON.parse(text);
  } catch (error) {
    throw new Error(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
  if (typeof review !== "object" || review === null || Array.isArray(review)) {
    throw new Error("couldn't get version/kind; json parse error: json: the answer is not an object");
  }
  const { apiVersion = "", kind = "" } = review as { apiVersion?: string; kind?: string };
  if (kind !== "" && kind !== "AdmissionReview") {
    throw new Error(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  }
  const other = version === "v1" ? "v1beta1" : "v1";
  if (apiVersion === `admission.k8s.io/${other}`) {
    throw new Error(`converting (${other}.AdmissionReview) to (${version}.AdmissionReview): unknown conversion`);
  }
  checkTypes(review);
  return review;
}

const fieldTypes: Readonly<Record<string, string>> = {
  uid: "string",
  allowed: "boolean",
  patch: "string",
  patchType: "string",
  status: "object",
  warnings: "object",
};

function checkTypes(review: JsonObject): void {
  const response = review["response"];
  if (response === undefined || response === null) return;
  if (typeof response !== "object" || Array.isArray(response)) {
    throw new Error(`json: cannot unmarshal ${jsonType(response)} into Go struct field AdmissionReview.response`);
  }
  for (const [field, type] of Object.entries(fieldTypes)) {
    const value = (response as JsonObject)[field];
    if (value === undefined || value === null) continue;
    if (typeof value !== type || (type === "object" && Array.isArray(value) !== (field === "warnings"))) {
      throw new Error(
        `json: cannot unmarshal ${jsonType(value)} into Go struct field AdmissionResponse.response.${field}`,
      );
    }
  }
  const { patch, warnings, status: result } = response as JsonObject;
  if (typeof patch === "string") checkBase64(patch);
  for (const warning of (warnings ?? []) as JsonValue[]) checkType(warning, "string", "warnings");
  for (const [field, type] of Object.entries(statusTypes)) {
    checkType((result as JsonObject | null | undefined)?.[field], type, `status.${field}`);
  }
}

/** What a denial is made of. */
const statusTypes: Readonly<Record<string, string>> = {
  status: "string",
  message: "string",
  reason: "string",
  code: "number",
};

function checkType(value: JsonValue | undefined, type: string, field: string): void {
  if (value === undefined || value === null || typeof value === type) return;
  throw new Error(`json: cannot unmarshal ${jsonType(value)} into Go struct field AdmissionResponse.response.${field}`);
}

/** Go's decoder reads standard base64 with padding and nothing else; Buffer takes what it can. */
function checkBase64(text: string): void {
  const bad = text.search(/[^A-Za-z0-9+/=\r\n]/);
  if (bad >= 0) throw new Error(`illegal base64 data at input byte ${bad}`);
  const padded = text.replace(/[\r\n]/g, "");
  if (!/^(?:.{4})*$/.test(padded) || /=[^=]|={3}/.test(padded)) {
    throw new Error(`illegal base64 data at input byte ${padded.length - (padded.length % 4)}`);
  }
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** What the client is told (k8s.io/apiserver/pkg/admission/plugin/webhook/errors/statuserror.go). */
function denial(webhook: string, result: JsonObject | undefined): StatusError {
  const given = (result ?? {}) as Partial<Status>;
  const deniedBy = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const why = given.message || given.reason;
  const code = given.code ?? 0;
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: given.metadata ?? {},
    status: given.status === undefined || given.status === "Success" ? "Failure" : given.status,
    message: why ? `${deniedBy}: ${why}` : `${deniedBy} without explanation`,
    ...(given.reason ? { reason: given.reason } : {}),
    ...(given.details === undefined || given.details === null ? {} : { details: given.details }),
    code: Math.max(code, 400),
  });
}
