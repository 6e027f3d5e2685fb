import { status } from "@podwright/kube";
import { type Authorizer, anonymousUser, forbidden } from "../authorization/authorizer.ts";
import type { ApiRequest, UserInfo } from "../request.ts";
import { authenticatedGroup } from "./authenticator.ts";

const serviceAccountPrefix = "system:serviceaccount:";
const extraPrefix = "impersonate-extra-";

/**
 * The user that the request wants to be taken for (kubectl --as, --as-group, --as-uid), or the one given when it wants
 * nothing of the kind. Throws the 403 Status when the user may not impersonate
 * (k8s.io/apiserver/pkg/endpoints/filters/impersonation).
 */
export async function impersonate(authorizer: Authorizer, user: UserInfo, request: ApiRequest): Promise<UserInfo> {
  const wanted = wantedUser(request);
  if (wanted === undefined) return user;
  for (const { resource, subresource = "", namespace = "", name } of parts(wanted)) {
    const attributes = {
      type: "resource" as const,
      verb: "impersonate",
      group: resource === "uids" || resource === "userextras" ? "authentication.k8s.io" : "",
      version: "v1",
      resource,
      subresource,
      namespace,
      name,
    };
    const { allowed, reason } = await authorizer.authorize(user, attributes);
    if (!allowed) throw forbidden(user, attributes, reason);
  }
  return withUsualGroups(wanted);
}

function wantedUser({ headers }: ApiRequest): UserInfo | undefined {
  const username = headers["impersonate-user"] ?? "";
  const uid = headers["impersonate-uid"] ?? "";
  const groups = list(headers["impersonate-group"]);
  const extra = Object.fromEntries(
    Object.keys(headers)
      .filter((name) => name.startsWith(extraPrefix))
      .map((name) => [decode(name.slice(extraPrefix.length)), list(headers[name])]),
  );
  const hasExtra = Object.keys(extra).length > 0;
  if (username === "") {
    if (uid === "" && groups.length === 0 && !hasExtra) return undefined;
    throw status.internalError("requested to impersonate groups, a uid or extra values without impersonating a user");
  }
  return { username, groups, ...(uid !== "" && { uid }), ...(hasExtra && { extra }) };
}

/** What one must be allowed to impersonate to be the user. */
function parts({
  username,
  groups,
  uid,
  extra = {},
}: UserInfo): { resource: string; subresource?: string; namespace?: string; name: string }[] {
  const [namespace, account] = serviceAccountOf(username) ?? [];
  return [
    namespace === undefined || account === undefined
      ? { resource: "users", name: username }
      : { resource: "serviceaccounts", namespace, name: account },
    ...groups.map((name) => ({ resource: "groups", name })),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((name) => ({ resource: "userextras", subresource: key, name })),
    ),
    ...(uid === undefined ? [] : [{ resource: "uids", name: uid }]),
  ];
}

/** Adds the groups that the user would have had by logging in. */
function withUsualGroups(user: UserInfo): UserInfo {
  const [namespace] = serviceAccountOf(user.username) ?? [];
  const accountGroups =
    namespace === undefined || user.groups.length > 0
      ? []
      : ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
  const known = user.username === anonymousUser.username ? anonymousUser.groups : [authenticatedGroup];
  return { ...user, groups: [...new Set([...user.groups, ...accountGroups, ...known])] };
}

function serviceAccountOf(username: string): [namespace: string, name: string] | undefined {
  if (!username.startsWith(serviceAccountPrefix)) return undefined;
  const [namespace, name, ...rest] = username.slice(serviceAccountPrefix.length).split(":");
  return namespace && name && rest.length === 0 ? [namespace, name] : undefined;
}

/** The values of a header that may come several times. */
function list(header: string | undefined): string[] {
  return header === undefined || header === "" ? [] : header.split(/, */);
}

/** Keys of extra values are percent-encoded; one that is not is taken as it is. */
function decode(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
