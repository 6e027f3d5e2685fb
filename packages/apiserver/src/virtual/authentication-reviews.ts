import { formatTime, type KubeObject, status } from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import { decodeBody } from "../decoding/body.ts";
import { encoded } from "../output/response.ts";
import type { ApiResponse, UserInfo } from "../request.ts";
import { parseWriteOptions } from "../verbs/write-options.ts";

/** SelfSubjectReview: who am I? (`kubectl auth whoami`) */
export async function reviewSelf(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const review = readReview(request);
  const answer = {
    kind: review.kind,
    apiVersion: review.apiVersion,
    metadata: { creationTimestamp: formatTime(parts.clock.now()) },
    status: { userInfo: userFields(request.user) },
  };
  return encoded(201, answer, request.output);
}

/** TokenReview: whose is this token? */
export async function reviewToken(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const review = readReview(request);
  const token: string = review["spec"]?.token ?? "";
  if (token === "") {
    throw status.badRequest("token is required for TokenReview in authentication");
  }
  const user = await parts.authenticateToken(token);
  const audiences: string[] = review["spec"].audiences ?? [...(parts.serviceAccountTokens?.audiences ?? [])];
  const answer = {
    kind: review.kind,
    apiVersion: review.apiVersion,
    metadata: review.metadata,
    spec: review["spec"],
    status:
      user === undefined
        ? { user: {}, error: "invalid bearer token" }
        : { authenticated: true, user: userFields(user), ...(audiences.length > 0 && { audiences }) },
  };
  return encoded(201, answer, request.output);
}

/** The body of a review, which has no name and is not kept. Throws 406 for a Table of it. */
export function readReview(request: ResourceRequest): KubeObject {
  const { resource, output, namespace, warnings } = request;
  if (output.as !== undefined) {
    throw status.notAcceptable(["application/json", "application/yaml"]);
  }
  const { fieldValidation } = parseWriteOptions(request.request.query, "CreateOptions");
  const review = decodeBody(request.request, resource, fieldValidation, warnings);
  review.metadata ??= {};
  if (resource.namespaced) {
    review.metadata.namespace ||= namespace;
    if (review.metadata.namespace !== namespace) {
      throw status.badRequest("the namespace of the provided object does not match the namespace sent on the request");
    }
  }
  return review;
}

function userFields({ username, uid, groups, extra }: UserInfo): object {
  return {
    username,
    ...(uid && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(extra && { extra }),
  };
}
