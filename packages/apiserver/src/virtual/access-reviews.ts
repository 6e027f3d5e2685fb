import { fieldError, type KubeObject, status } from "@podwright/kube";
import type { AccessAttributes } from "../authorization/authorizer.ts";
import type { ResourceRequest, ServerParts } from "../context.ts";
import { encoded } from "../output/response.ts";
import type { ApiResponse, UserInfo } from "../request.ts";
import { readReview } from "./authentication-reviews.ts";

/** SelfSubjectAccessReview, SubjectAccessReview, LocalSubjectAccessReview: may somebody do this? */
export async function reviewAccess(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const review = readReview(request);
  const spec = review["spec"] ?? {};
  validate(spec, request);
  const user = request.resource.plural === "selfsubjectaccessreviews" ? request.user : subjectOf(spec);
  const decision = await parts.authorizer.authorize(user, attributesOf(spec));
  const answer = {
    kind: review.kind,
    apiVersion: review.apiVersion,
    metadata: review.metadata,
    spec,
    status: { allowed: decision.allowed, ...(decision.reason && { reason: decision.reason }) },
  };
  return encoded(201, answer, request.output);
}

/** k8s.io/kubernetes/pkg/apis/authorization/validation/validation.go. */
function validate(spec: KubeObject["spec"], { resource, namespace }: ResourceRequest): void {
  const errors = [];
  const attributes = spec.resourceAttributes;
  if ((attributes == null) === (spec.nonResourceAttributes == null)) {
    const detail =
      attributes == null
        ? "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        : "cannot be specified in combination with resourceAttributes";
    const path = attributes == null ? "spec.resourceAttributes" : "spec.nonResourceAttributes";
    errors.push(fieldError.invalid(path, attributes == null ? null : spec.nonResourceAttributes, detail));
  }
  if (resource.plural !== "selfsubjectaccessreviews" && !spec.user && !(spec.groups?.length > 0)) {
    errors.push(fieldError.invalid("spec.user", "", "at least one of user or group must be specified"));
  }
  if (errors.length > 0) throw status.invalid({ group: "authorization.k8s.io", kind: "" }, "", errors);
  if (resource.namespaced && attributes?.namespace !== namespace) {
    throw status.badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  }
}

function subjectOf(spec: KubeObject["spec"]): UserInfo {
  return {
    username: spec.user ?? "",
    groups: spec.groups ?? [],
    ...(spec.uid && { uid: spec.uid }),
    ...(spec.extra && { extra: spec.extra }),
  };
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: KubeObject["spec"]): AccessAttributes {
  if (nonResourceAttributes != null) {
    return { type: "path", verb: nonResourceAttributes.verb ?? "", path: nonResourceAttributes.path ?? "" };
  }
  const {
    verb = "",
    group = "",
    version = "",
    resource = "",
    subresource = "",
    namespace = "",
    name = "",
  } = resourceAttributes;
  return { type: "resource", verb, group, version, resource, subresource, namespace, name };
}

/** SelfSubjectRulesReview: what may I do? (`kubectl auth can-i --list`) */
export async function reviewRules(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const review = readReview(request);
  const namespace: string = review["spec"]?.namespace ?? "";
  if (namespace === "") throw status.badRequest("no namespace on request");
  const { rules, evaluationError } = parts.authorizer.rulesFor(request.user, namespace);
  const answer = {
    kind: review.kind,
    apiVersion: review.apiVersion,
    metadata: {},
    spec: {},
    status: {
      resourceRules: rules
        .filter(({ resources }) => resources?.length)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups, resources, resourceNames })),
      nonResourceRules: rules
        .filter(({ nonResourceURLs }) => nonResourceURLs?.length)
        .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: false,
      ...(evaluationError !== undefined && { evaluationError }),
    },
  };
  return encoded(201, answer, request.output);
}
