import type { Clock } from "@podwright/clock";
import { status } from "@podwright/kube";
import type { AdmissionChain } from "./admission/admission.ts";
import type { ServiceAccountTokens } from "./authentication/service-account-tokens.ts";
import type { Authorizer } from "./authorization/authorizer.ts";
import type { FieldManagers } from "./field-management/field-managers.ts";
import type { OutputFormat } from "./output/negotiation.ts";
import type { Warnings } from "./output/warnings.ts";
import type { ApiRequest, UserInfo } from "./request.ts";
import type { Resource, ResourceRegistry } from "./resources/resource.ts";
import type { ResourceRoute } from "./routing.ts";
import type { Storage } from "./storage/storage.ts";
import type { NodeConnection } from "./subresources/node-connection.ts";
import type { WatchHub } from "./watch/hub.ts";

/** What verbs need of the server. */
export interface ServerParts {
  readonly storage: Storage;
  readonly watches: WatchHub;
  readonly registry: ResourceRegistry;
  readonly admission: AdmissionChain;
  readonly authorizer: Authorizer;
  /** Keep metadata.managedFields. */
  readonly fieldManagers: FieldManagers;
  readonly clock: Clock;
  /** Absent: serviceaccounts/token answers 404. */
  readonly serviceAccountTokens?: ServiceAccountTokens | undefined;
  /** Absent: there are no nodes, so there are no logs. */
  readonly nodes?: NodeConnection | undefined;
  /** Asks the authenticators about a token, for TokenReview. */
  authenticateToken(token: string): Promise<UserInfo | undefined>;
}

/** A request for a resource, authenticated, routed and authorized. */
export interface ResourceRequest {
  readonly request: ApiRequest;
  readonly user: UserInfo;
  readonly route: ResourceRoute;
  readonly resource: Resource;
  /** "" for cluster-scoped resources and for all namespaces. */
  readonly namespace: string;
  /** "" for the collection. */
  readonly name: string;
  readonly output: OutputFormat;
  readonly warnings: Warnings;
}

/**
 * "/group/plural/namespace/name", or without the namespace. Throws 400 for a name that no object can have
 * (k8s.io/apimachinery/pkg/api/validation/path/name.go).
 */
export function objectKey(resource: Resource, namespace: string, name: string): string {
  if (name === "." || name === ".." || name.includes("%")) throw invalidName(name);
  const { group, plural } = resource.storage;
  return resource.namespaced ? `/${group}/${plural}/${namespace}/${name}` : `/${group}/${plural}/${name}`;
}

function invalidName(name: string): Error {
  const problem = name.includes("%") ? "may not contain '%'" : `may not be '${name}'`;
  return status.badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${problem}`);
}

/** What the keys of a resource's objects start with, in one namespace or in all (""). */
export function keyPrefix(resource: Resource, namespace: string): string {
  const { group, plural } = resource.storage;
  return resource.namespaced && namespace !== "" ? `/${group}/${plural}/${namespace}/` : `/${group}/${plural}/`;
}
