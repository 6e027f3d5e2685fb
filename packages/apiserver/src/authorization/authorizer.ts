import { parseFieldSelector, status } from "@podwright/kube";
import type { UserInfo } from "../request.ts";
import type { ResourceRoute, Route } from "../routing.ts";
import type { PolicyRule } from "./policy-rule.ts";

/** What somebody wants to do (k8s.io/apiserver/pkg/authorization/authorizer/interfaces.go, Attributes). */
export type AccessAttributes =
  | {
      type: "resource";
      verb: string;
      /** "" for core. */
      group: string;
      version: string;
      resource: string;
      subresource: string;
      namespace: string;
      name: string;
    }
  | { type: "path"; verb: string; path: string };

export interface AccessDecision {
  allowed: boolean;
  reason?: string;
}

/** What a user may do in a namespace and on paths, as far as that can be said in rules. */
export interface UserRules {
  rules: readonly PolicyRule[];
  /** Why there may be more. */
  evaluationError?: string;
}

export interface Authorizer {
  authorize(user: UserInfo, attributes: AccessAttributes): AccessDecision | Promise<AccessDecision>;
  /** For SelfSubjectRulesReview. */
  rulesFor(user: UserInfo, namespace: string): UserRules;
}

/** Its members may do everything, whatever roles and bindings say. */
export const privilegedGroup = "system:masters";

export const anonymousUser: UserInfo = { username: "system:anonymous", groups: ["system:unauthenticated"] };

/** Lets whoever has proved to be somebody do everything, and everybody ask for the version and the health. */
export const allowAuthenticated: Authorizer = {
  authorize(user, attributes) {
    if (isSomebody(user)) return allowed;
    if (attributes.type === "path" && attributes.verb === "get" && isPublic(attributes.path)) return allowed;
    return denied;
  },
  rulesFor: (user) => ({ rules: isSomebody(user) ? everything : [publicPaths] }),
};

const everything: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];
const publicPaths: PolicyRule = {
  verbs: ["get"],
  nonResourceURLs: ["/healthz", "/livez", "/readyz", "/version", "/version/"],
};

function isSomebody({ username, groups }: UserInfo): boolean {
  return username !== anonymousUser.username && !groups.includes("system:unauthenticated");
}

const allowed: AccessDecision = { allowed: true };
const denied: AccessDecision = { allowed: false };

/** The paths that upstream's role system:public-info-viewer names. */
function isPublic(path: string): boolean {
  const first = path.endsWith("/") ? path.slice(0, -1) : path;
  return first === "/version" || first === "/healthz" || first === "/livez" || first === "/readyz";
}

/**
 * What a request for the route wants to do; `watch` tells a watch from a list. A list or watch of one object by its name
 * counts as asking for that name (k8s.io/apiserver/pkg/endpoints/request/requestinfo.go).
 */
export function accessAttributes(
  route: Route,
  method: string,
  watch: boolean,
  query: URLSearchParams,
): AccessAttributes {
  if (route.type === "path") return { type: "path", verb: method.toLowerCase(), path: route.path };
  const { group, version, resource, subresource, namespace } = route;
  const isGet = method === "GET" || method === "HEAD";
  const name = route.name === "" && isGet && query.size > 0 ? selectedName(query) : route.name;
  return {
    type: "resource",
    verb: verb(method, route, watch),
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
  };
}

function verb(method: string, { name, watchPrefix }: ResourceRoute, watch: boolean): string {
  if (watchPrefix) return "watch";
  switch (method) {
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return name === "" ? "deletecollection" : "delete";
    default:
      return name !== "" ? "get" : watch ? "watch" : "list";
  }
}

function selectedName(query: URLSearchParams): string {
  const text = query.get("fieldSelector");
  if (!text?.includes("metadata.name")) return "";
  try {
    const name = parseFieldSelector(text).exactValue("metadata.name") ?? "";
    return name === "." || name === ".." || /[/%]/.test(name) ? "" : name;
  } catch {
    return "";
  }
}

/** Resolves when the user may do that; throws 403 with upstream's text otherwise. */
export async function confirm(authorizer: Authorizer, user: UserInfo, attributes: AccessAttributes): Promise<void> {
  const decision = authorizer.authorize(user, attributes);
  const { allowed, reason } = decision instanceof Promise ? await decision : decision;
  if (!allowed) throw forbidden(user, attributes, reason);
}

/** The 403 with upstream's text (k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go). */
export function forbidden(user: UserInfo, attributes: AccessAttributes, reason?: string): Error {
  const message = escapeHtml(describe(user, attributes)) + (reason ? `: ${reason}` : "");
  return attributes.type === "path"
    ? status.forbidden({ group: "", resource: "" }, "", message)
    : status.forbidden({ group: attributes.group, resource: attributes.resource }, attributes.name, message);
}

function describe(user: UserInfo, attributes: AccessAttributes): string {
  const who = `User ${JSON.stringify(user.username)} cannot ${attributes.verb}`;
  if (attributes.type === "path") return `${who} path ${JSON.stringify(attributes.path)}`;
  const { group, resource, subresource, namespace } = attributes;
  const what = JSON.stringify(subresource === "" ? resource : `${resource}/${subresource}`);
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  return `${who} resource ${what} in API group ${JSON.stringify(group)} ${where}`;
}

/** The text must not look like HTML. */
function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
