import type { Environment } from "@marcbachmann/cel-js";
import type { AccessAttributes, Authorizer } from "../authorization/authorizer.ts";
import type { UserInfo } from "../request.ts";

/** What `authorizer` is in an expression: asks whether somebody may do something. */
export class AuthorizerValue {
  readonly authorizer: Authorizer;
  readonly user: UserInfo;
  /** About what the request is about. */
  readonly requestResource: ResourceCheck;

  constructor(authorizer: Authorizer, user: UserInfo, resource: ResourceAttributes) {
    this.authorizer = authorizer;
    this.user = user;
    this.requestResource = new ResourceCheck(authorizer, user, resource);
  }
}

export interface ResourceAttributes {
  group: string;
  version: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
}

class PathCheck {
  readonly of: AuthorizerValue;
  readonly path: string;
  constructor(of: AuthorizerValue, path: string) {
    this.of = of;
    this.path = path;
  }
}

class GroupCheck {
  readonly of: AuthorizerValue;
  readonly group: string;
  constructor(of: AuthorizerValue, group: string) {
    this.of = of;
    this.group = group;
  }
}

class ResourceCheck {
  readonly authorizer: Authorizer;
  readonly user: UserInfo;
  readonly attributes: ResourceAttributes;
  constructor(authorizer: Authorizer, user: UserInfo, attributes: ResourceAttributes) {
    this.authorizer = authorizer;
    this.user = user;
    this.attributes = attributes;
  }
  with(change: Partial<ResourceAttributes>): ResourceCheck {
    return new ResourceCheck(this.authorizer, this.user, { ...this.attributes, ...change });
  }
}

class Decision {
  readonly allowed: boolean;
  readonly reason: string;
  constructor(allowed: boolean, reason: string) {
    this.allowed = allowed;
    this.reason = reason;
  }
}

const prefix = "kubernetes.authorization.";

/** Adds the variable `authorizer` and its methods (k8s.io/apiserver/pkg/cel/library/authz.go). */
export function registerAuthorizer(environment: Environment): Environment {
  const resource = { version: "*", subresource: "", namespace: "", name: "" };
  return environment
    .registerType(`${prefix}ResourceCheck`, { ctor: ResourceCheck, fields: {} })
    .registerType(`${prefix}PathCheck`, { ctor: PathCheck, fields: {} })
    .registerType(`${prefix}GroupCheck`, { ctor: GroupCheck, fields: {} })
    .registerType(`${prefix}Decision`, { ctor: Decision, fields: {} })
    .registerType(`${prefix}Authorizer`, {
      ctor: AuthorizerValue,
      fields: { requestResource: `${prefix}ResourceCheck` },
    })
    .registerVariable("authorizer", `${prefix}Authorizer`)
    .registerFunction(
      `${prefix}Authorizer.serviceAccount(string, string): ${prefix}Authorizer`,
      ({ authorizer, requestResource }: AuthorizerValue, namespace: string, name: string) =>
        new AuthorizerValue(authorizer, serviceAccount(namespace, name), requestResource.attributes),
    )
    .registerFunction(
      `${prefix}Authorizer.path(string): ${prefix}PathCheck`,
      (of: AuthorizerValue, path: string) => new PathCheck(of, path),
    )
    .registerFunction(
      `${prefix}Authorizer.group(string): ${prefix}GroupCheck`,
      (of: AuthorizerValue, group: string) => new GroupCheck(of, group),
    )
    .registerFunction(
      `${prefix}GroupCheck.resource(string): ${prefix}ResourceCheck`,
      ({ of, group }: GroupCheck, plural: string) =>
        new ResourceCheck(of.authorizer, of.user, { ...resource, group, resource: plural }),
    )
    .registerFunction(
      `${prefix}ResourceCheck.subresource(string): ${prefix}ResourceCheck`,
      (check: ResourceCheck, subresource: string) => check.with({ subresource }),
    )
    .registerFunction(
      `${prefix}ResourceCheck.namespace(string): ${prefix}ResourceCheck`,
      (check: ResourceCheck, namespace: string) => check.with({ namespace }),
    )
    .registerFunction(
      `${prefix}ResourceCheck.name(string): ${prefix}ResourceCheck`,
      (check: ResourceCheck, name: string) => check.with({ name }),
    )
    .registerFunction(
      `${prefix}ResourceCheck.check(string): ${prefix}Decision`,
      ({ authorizer, user, attributes }: ResourceCheck, verb: string) =>
        decide(authorizer, user, { type: "resource", verb, ...attributes }),
    )
    .registerFunction(`${prefix}PathCheck.check(string): ${prefix}Decision`, ({ of, path }: PathCheck, verb: string) =>
      decide(of.authorizer, of.user, { type: "path", verb, path }),
    )
    .registerFunction(`${prefix}Decision.allowed(): bool`, ({ allowed }: Decision) => allowed)
    .registerFunction(`${prefix}Decision.reason(): string`, ({ reason }: Decision) => reason);
}

function serviceAccount(namespace: string, name: string): UserInfo {
  const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
  return { username: `system:serviceaccount:${namespace}:${name}`, groups };
}

/** Expressions are evaluated in one go: an authorizer that has to wait cannot be asked. */
function decide(authorizer: Authorizer, user: UserInfo, attributes: AccessAttributes): Decision {
  const decision = authorizer.authorize(user, attributes);
  if (decision instanceof Promise) throw new Error("the authorizer does not answer at once");
  return new Decision(decision.allowed, decision.reason ?? "");
}
