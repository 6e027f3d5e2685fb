import { formatApiVersion, status } from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import { encoded } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import { createBinding } from "../subresources/binding.ts";
import { reviewAccess, reviewRules } from "./access-reviews.ts";
import { reviewSelf, reviewToken } from "./authentication-reviews.ts";

type VirtualResource = (parts: ServerParts, request: ResourceRequest) => Promise<ApiResponse>;

/** Resources with no objects that are kept: a POST is a question, or an order. Undefined for all others. */
export function serveVirtualResource(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> | undefined {
  const { group, plural } = request.resource;
  if (group === "" && plural === "componentstatuses") return componentStatuses(request);
  const serve = virtualResources[`${group}/${plural}`];
  if (serve === undefined) return undefined;
  if (request.request.method !== "POST" || request.name !== "") throw status.generic(405);
  return serve(parts, request);
}

const virtualResources: Readonly<Record<string, VirtualResource>> = {
  "/bindings": createBinding,
  "authentication.k8s.io/selfsubjectreviews": reviewSelf,
  "authentication.k8s.io/tokenreviews": reviewToken,
  "authorization.k8s.io/localsubjectaccessreviews": reviewAccess,
  "authorization.k8s.io/selfsubjectaccessreviews": reviewAccess,
  "authorization.k8s.io/subjectaccessreviews": reviewAccess,
  "authorization.k8s.io/selfsubjectrulesreviews": reviewRules,
};

/** Deprecated, and there are no components: the list is empty. */
async function componentStatuses({ request, resource, name, output }: ResourceRequest): Promise<ApiResponse> {
  if (request.method !== "GET") throw status.generic(405);
  if (name !== "") throw status.notFound({ group: "", resource: resource.plural }, name);
  const apiVersion = formatApiVersion(resource.group, resource.version);
  return encoded(200, { kind: resource.listKind, apiVersion, metadata: {}, items: [] }, output);
}
