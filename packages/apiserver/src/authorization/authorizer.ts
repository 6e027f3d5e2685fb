import { status } from "@podwright/kube";
import type { UserInfo } from "../request.ts";
import type { Route } from "../routing.ts";

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

export interface Authorizer {
  authorize(user: UserInfo, attributes: AccessAttributes): AccessDecision | Promise<AccessDecision>;
}

export const anonymousUser: UserInfo = { username: "system:anonymous", groups: ["system:unauthenticated"] };

/** Lets whoever has proved to be somebody do everything, and everybody ask for the version and the health. */
export const allowAuthenticated: Authorizer = {
  authorize(user, attributes) {
    if (user.username !== anonymousUser.username && !user.groups.includes("system:unauthenticated")) return allowed;
    if (attributes.type === "path" && attributes.verb === "get" && isPublic(attributes.path)) return allowed;
    return denied;
  },
};

const allowed: AccessDecision = { allowed: true };
const denied: AccessDecision = { allowed: false };

/** The paths that upstream's role system:public-info-viewer names. */
function isPublic(path: string): boolean {
  const first = path.endsWith("/") ? path.slice(0, -1) : path;
  return first === "/version" || first === "/healthz" || first === "/livez" || first === "/readyz";
}

/** What a request for the route wants to do; `watch` tells a watch from a list. */
export function accessAttributes(route: Route, method: string, watch: boolean): AccessAttributes {
  if (route.type === "path") return { type: "path", verb: method.toLowerCase(), path: route.path };
  const { group, version, resource, subresource, namespace, name } = route;
  return { type: "resource", verb: verb(method, name, watch), group, version, resource, subresource, namespace, name };
}

function verb(method: string, name: string, watch: boolean): string {
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
      return watch ? "watch" : name === "" ? "list" : "get";
  }
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
