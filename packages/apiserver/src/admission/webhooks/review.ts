import {
  type GroupVersionKind,
  type JsonObject,
  type KubeObject,
  parseApiVersion,
  stringifyJson,
} from "@podwright/kube";
import type { Resource } from "../../resources/resource.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Webhook } from "./configuration.ts";
import { type Invocation, namespaceOf } from "./matching.ts";

/** What a webhook answered, when the answer keeps to the rules. */
export interface ReviewResponse {
  allowed: boolean;
  /** The text of a JSON patch. */
  patch: string | undefined;
  patchType: string;
  status: JsonObject | undefined;
  warnings: string[];
}

/** The answer breaks the rules; the message is upstream's. */
export class InvalidReviewError extends Error {}

/**
 * Encodes objects for reviews. Webhooks asked about the same request share it, so that each object is encoded once
 * for all of them.
 */
export class ObjectEncoder {
  readonly #texts = new Map<KubeObject, string>();

  encode(object: KubeObject | undefined): string {
    if (object === undefined) return "null";
    let text = this.#texts.get(object);
    if (text === undefined) {
      text = stringifyJson(object);
      this.#texts.set(object, text);
    }
    return text;
  }
}

/**
 * The AdmissionReview to send (k8s.io/apiserver/pkg/admission/plugin/webhook/request/admissionreview.go).
 *
 * @param object and `oldObject` in the version the invocation asks for
 */
export function encodeReview(
  uid: string,
  invocation: Invocation & { object: KubeObject | undefined; oldObject: KubeObject | undefined },
  attributes: AdmissionAttributes,
  encoder: ObjectEncoder,
): string {
  const head = { uid, ...requestHead(invocation.resource, attributes) };
  const apiVersion = `admission.k8s.io/${invocation.webhook.reviewVersion}`;
  return (
    `{"kind":"AdmissionReview","apiVersion":"${apiVersion}","request":${JSON.stringify(head).slice(0, -1)}` +
    `,"object":${encoder.encode(invocation.object)},"oldObject":${encoder.encode(invocation.oldObject)}` +
    `,"dryRun":${attributes.dryRun},"options":${stringifyJson(attributes.options)}}}\n`
  );
}

/** What a review's request says beside the objects; the webhook knows it as one for the resource. */
export function requestHead(resource: Resource, attributes: AdmissionAttributes): object {
  const { subresource } = attributes;
  const namespace = namespaceOf(attributes);
  return {
    kind: kindOf(resource, subresource),
    resource: resourceOf(resource),
    ...(subresource === "" ? {} : { subResource: subresource }),
    requestKind: kindOf(attributes.resource, subresource),
    requestResource: resourceOf(attributes.resource),
    ...(subresource === "" ? {} : { requestSubResource: subresource }),
    ...(attributes.name === "" ? {} : { name: attributes.name }),
    ...(namespace === "" ? {} : { namespace }),
    operation: attributes.operation,
    userInfo: attributes.user,
  };
}

/**
 * Reads the answer and checks it as upstream's VerifyAdmissionResponse does.
 *
 * @param body parsed JSON
 * @throws InvalidReviewError
 */
export function readReview(
  body: unknown,
  uid: string,
  webhook: Webhook,
  type: "mutating" | "validating",
): ReviewResponse {
  const review = body as JsonObject;
  const response = review["response"] as JsonObject | null | undefined;
  if (response === undefined || response === null) throw new InvalidReviewError("webhook response was absent");
  const patch = decodePatch(response["patch"]);
  const patchType = response["patchType"] as string | null | undefined;
  if (webhook.reviewVersion === "v1") {
    if ((response["uid"] ?? "") !== uid) {
      const got = JSON.stringify(response["uid"] ?? "");
      throw new InvalidReviewError(`expected response.uid=${JSON.stringify(uid)}, got ${got}`);
    }
    checkKind(review);
    checkPatch(patch, patchType, type);
  }
  return {
    allowed: response["allowed"] === true,
    patch: type === "mutating" ? patch : undefined,
    patchType: webhook.reviewVersion === "v1beta1" ? "JSONPatch" : (patchType ?? ""),
    status: (response["status"] as JsonObject | null | undefined) ?? undefined,
    warnings: ((response["warnings"] ?? []) as (string | null)[]).filter((text) => text !== null),
  };
}

function decodePatch(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? Buffer.from(value, "base64").toString() : undefined;
}

function checkKind(review: JsonObject): void {
  const { apiVersion = "", kind = "" } = review as { apiVersion?: string; kind?: string };
  if (apiVersion === "admission.k8s.io/v1" && kind === "AdmissionReview") return;
  const { group, version } = parseApiVersion(apiVersion);
  throw new InvalidReviewError(
    `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${group}/${version}, Kind=${kind}`,
  );
}

function checkPatch(
  patch: string | undefined,
  patchType: string | null | undefined,
  type: "mutating" | "validating",
): void {
  const typed = patchType !== undefined && patchType !== null;
  if (type === "validating") {
    if (patch !== undefined) throw new InvalidReviewError("validating webhook may not return response.patch");
    if (typed) throw new InvalidReviewError("validating webhook may not return response.patchType");
    return;
  }
  if (patch !== undefined && !typed) {
    throw new InvalidReviewError("webhook returned response.patch but not response.patchType");
  }
  if (patch === undefined && typed) {
    throw new InvalidReviewError("webhook returned response.patchType but not response.patch");
  }
  if (patchType === "") throw new InvalidReviewError('webhook returned invalid response.patchType of ""');
}

/** The kind of a resource's objects, or of its subresource's: deployments/scale is an autoscaling/v1 Scale. */
export function kindOf(resource: Resource, subresource: string): GroupVersionKind {
  const found = subresource === "" ? undefined : resource.subresources.find((each) => each.name === subresource);
  return {
    group: found?.group ?? resource.group,
    version: found?.version ?? resource.version,
    kind: found?.kind ?? resource.kind,
  };
}

function resourceOf(resource: Resource): { group: string; version: string; resource: string } {
  return { group: resource.group, version: resource.version, resource: resource.plural };
}
