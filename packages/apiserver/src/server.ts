import { type Clock, systemClock } from "@podwright/clock";
import { messageOf, StatusError, status } from "@podwright/kube";
import type { AdmissionChain } from "./admission/admission.ts";
import { type Authenticator, authenticate } from "./authentication/authenticator.ts";
import { impersonate } from "./authentication/impersonation.ts";
import type { ServiceAccountTokens } from "./authentication/service-account-tokens.ts";
import {
  type AccessAttributes,
  type Authorizer,
  accessAttributes,
  allowAuthenticated,
  confirm,
} from "./authorization/authorizer.ts";
import type { ResourceRequest, ServerParts } from "./context.ts";
import { createDiscovery } from "./discovery/discovery.ts";
import { serveHealth } from "./discovery/health.ts";
import { defaultVersion, serveVersion, type VersionInfo } from "./discovery/version.ts";
import { FieldManagers } from "./field-management/field-managers.ts";
import { Negotiator, type OutputFormat, protobufMediaType } from "./output/negotiation.ts";
import { plainError } from "./output/plain-error.ts";
import { errorResponse } from "./output/response.ts";
import { Warnings } from "./output/warnings.ts";
import type { ApiRequest, ApiResponse, UserInfo } from "./request.ts";
import { checkTimeout } from "./request-timeout.ts";
import type { Resource, ResourceRegistry } from "./resources/resource.ts";
import { type PathRoute, parseRoute, type ResourceRoute } from "./routing.ts";
import type { Storage } from "./storage/storage.ts";
import type { NodeConnection } from "./subresources/node-connection.ts";
import { serveSubresource } from "./subresources/subresources.ts";
import { metaGroup, metaVersions } from "./table/table.ts";
import { createObject } from "./verbs/create.ts";
import { deleteObject } from "./verbs/delete.ts";
import { deleteCollection } from "./verbs/deletecollection.ts";
import { getObject } from "./verbs/get.ts";
import { listObjects } from "./verbs/list.ts";
import { parseBoolean, parseListOptions } from "./verbs/list-options.ts";
import { patchObject } from "./verbs/patch.ts";
import { updateObject } from "./verbs/update.ts";
import { watchObjects } from "./verbs/watch.ts";
import { serveVirtualResource } from "./virtual/virtual-resources.ts";
import { WatchHub } from "./watch/hub.ts";

export interface ApiServerOptions {
  storage: Storage;
  registry: ResourceRegistry;
  admission: AdmissionChain;
  /** Asked in this order. Callers in this process come with their user and are not asked about. */
  authenticators?: readonly Authenticator[];
  /** Default: whoever is not anonymous may do everything. */
  authorizer?: Authorizer;
  /** Issues the tokens of serviceaccounts/token, which is not served without. */
  serviceAccountTokens?: ServiceAccountTokens;
  /** The way to what runs on nodes, for logs. */
  nodes?: NodeConnection;
  /** Serve paths that are no resources: OpenAPI, metrics. The first that gives an answer has it. */
  pathHandlers?: readonly PathHandler[];
  /** What /version says. */
  version?: VersionInfo;
  clock?: Clock;
  /** Told of faults of the server's own, which the client sees as a 500. */
  onError?: (error: unknown, request: ApiRequest) => void;
}

/** Undefined: the path is not this handler's. */
export type PathHandler = (
  request: ApiRequest,
  user: UserInfo,
) => ApiResponse | undefined | Promise<ApiResponse | undefined>;

export interface ApiServer {
  /** Serves one request. Failures are answers: it does not reject. */
  handle(request: ApiRequest): Promise<ApiResponse>;
  /** Ends all watches. The storage stays open: it belongs to who opened it. */
  close(): void;
}

/** An API server over a storage. http.ts puts it on the network; callers in this process call `handle`. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { storage, registry, admission, authenticators = [], clock = systemClock } = options;
  const watches = new WatchHub({ storage, clock });
  const parts: ServerParts = {
    storage,
    watches,
    registry,
    fieldManagers: new FieldManagers(registry, clock),
    admission,
    authorizer: options.authorizer ?? allowAuthenticated,
    clock,
    serviceAccountTokens: options.serviceAccountTokens,
    nodes: options.nodes,
    async authenticateToken(token) {
      for (const authenticator of authenticators) {
        const user = await authenticator.authenticateToken?.(token);
        if (user !== undefined) return user;
      }
      return undefined;
    },
  };
  const negotiator = new Negotiator();
  const paths: PathHandler[] = [
    createDiscovery(registry, negotiator),
    serveVersion(options.version ?? defaultVersion),
    serveHealth,
    ...(options.pathHandlers ?? []),
  ];

  /** The way of a request. */
  async function serve(request: ApiRequest, warnings: Warnings): Promise<ApiResponse> {
    const route = parseRoute(request.path);
    if (!isWatch(request, route) && !isLongRunning(route)) checkTimeout(request.query);
    const user = await impersonate(parts.authorizer, await authenticate(authenticators, request), request);
    await authorize(parts.authorizer, user, request, route);
    if (route.type === "path") return servePath(paths, request, route, user);
    const found = registry.lookup(route.group, route.version, route.resource);
    if (found === undefined && !servesGroup(registry, route.group)) return pageNotFound();
    const resource = reachable(found, route);
    if (resource.deprecationWarning !== undefined) warnings.add(resource.deprecationWarning);
    const format = outputFormat(negotiator, request, resource, route);
    const output = format.mediaType === protobufMediaType ? await negotiator.withEncoder(format) : format;
    const name = route.name;
    const namespace = resource.namespaced ? route.namespace : "";
    const context: ResourceRequest = { request, user, route, resource, namespace, name, output, warnings };
    if (route.subresource !== "") return serveSubresource(parts, context);
    // Reviews and bindings have no objects that are kept.
    return serveVirtualResource(parts, context) ?? serveVerb(parts, context);
  }

  return {
    async handle(request) {
      const warnings = new Warnings();
      let response: ApiResponse;
      try {
        response = await serve(request, warnings);
      } catch (error) {
        const format = negotiator.negotiateError(request.headers, request.query);
        const failure = asStatusError(error, request, options.onError);
        response = errorResponse(failure, await negotiator.withEncoder(format));
      }
      const warning = warnings.header();
      if (warning !== undefined) response.headers["Warning"] = warning;
      return response;
    },
    close: () => watches.close(),
  };
}

async function authorize(
  authorizer: Authorizer,
  user: UserInfo,
  request: ApiRequest,
  route: PathRoute | ResourceRoute,
) {
  const watch = isWatch(request, route);
  const attributes = accessAttributes(route, request.method, watch, request.query);
  await confirm(authorizer, user, attributes);
  // A WebSocket begins with a GET, and what it does is more (k8s.io/kubernetes/pkg/registry/core/pod/rest/authorize.go).
  if (attributes.type === "resource" && attributes.verb === "get" && isStreaming(attributes)) {
    const { allowed, reason } = await authorizer.authorize(user, { ...attributes, verb: "create" });
    if (!allowed) throw status.forbidden({ group: "", resource: attributes.resource }, attributes.name, reason ?? "");
  }
}

const streamingSubresources: ReadonlySet<string> = new Set(["attach", "exec", "portforward"]);

/** Upstream gives them no deadline, and does not look for one (k8s.io/kubernetes/pkg/controlplane/apiserver/config.go). */
function isLongRunning(route: PathRoute | ResourceRoute): boolean {
  return route.type === "resource" && (route.subresource === "log" || connectSubresources.has(route.subresource));
}

const connectSubresources: ReadonlySet<string> = new Set(["attach", "exec", "portforward", "proxy"]);

function isStreaming({ group, resource, subresource }: AccessAttributes & { type: "resource" }): boolean {
  return subresource !== "" && group === "" && resource === "pods" && streamingSubresources.has(subresource);
}

function isWatch({ query }: ApiRequest, route: PathRoute | ResourceRoute): boolean {
  if (route.type === "path") return false;
  return route.watchPrefix || (query.size > 0 && parseBoolean(query.get("watch")) === true);
}

async function servePath(
  handlers: readonly PathHandler[],
  request: ApiRequest,
  { path }: PathRoute,
  user: UserInfo,
): Promise<ApiResponse> {
  for (const handler of handlers) {
    const response = await handler(request, user);
    if (response !== undefined) return response;
  }
  if (path.startsWith("/api/")) throw status.pathNotFound();
  return pageNotFound();
}

/** What Go's HTTP server answers where nobody serves. */
function pageNotFound(): ApiResponse {
  const headers = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };
  return { status: 404, headers, body: { type: "bytes", chunks: ["404 page not found\n"] } };
}

function servesGroup(registry: ResourceRegistry, group: string): boolean {
  return group === "" || registry.all().some((resource) => resource.group === group);
}

/** The resource at the route; 404 when nothing is served there, as for a namespaced object without its namespace. */
function reachable(found: Resource | undefined, { resource, namespace, name }: ResourceRoute): Resource {
  if (found === undefined) throw status.pathNotFound();
  // Percent-encoded slashes: upstream reads them as slashes, and nothing is served so deep.
  if (name.includes("/") || namespace.includes("/")) throw status.pathNotFound();
  const misplaced = found.namespaced ? name !== "" && namespace === "" : namespace !== "" && resource !== "namespaces";
  if (misplaced) throw status.pathNotFound();
  return found;
}

/** What is asked for of what can be had at the route. Throws 406. */
function outputFormat(
  negotiator: Negotiator,
  request: ApiRequest,
  resource: Resource,
  { subresource, name }: ResourceRoute,
): OutputFormat {
  // What is accepted there is between the client and the pod.
  if (connectSubresources.has(subresource) && !resource.custom) {
    return { mediaType: "application/json", pretty: false };
  }
  return negotiator.negotiate(request.headers, request.query, {
    // k8s.io/apiserver/pkg/endpoints/handlers/rest.go, AllowsMediaTypeTransform
    allows({ kind, group, version }, mediaType) {
      if (group !== metaGroup || !metaVersions.includes(version)) return false;
      if (kind === "Table") return mediaType !== protobufMediaType && resource.verbs.includes("get");
      return kind === "PartialObjectMetadata" || kind === "PartialObjectMetadataList";
    },
    isCustom: resource.custom,
    isList: request.method === "GET" && name === "",
  });
}

/** A file of verbs/ for each. */
async function serveVerb(parts: ServerParts, context: ResourceRequest): Promise<ApiResponse> {
  const { request, route, resource, name } = context;
  const allowed = (verb: string): void => {
    if (!resource.verbs.includes(verb)) throw status.generic(405);
  };
  switch (request.method) {
    case "GET": {
      if (name !== "" && !route.watchPrefix) {
        // Upstream does not look at ?watch here: one object is watched by the field metadata.name.
        allowed("get");
        return getObject(parts, context);
      }
      const options = parseListOptions(request.query, route.watchPrefix);
      allowed(options.watch ? "watch" : "list");
      return options.watch ? watchObjects(parts, context, options) : listObjects(parts, context, options);
    }
    case "POST":
      allowed("create");
      if (name !== "" || (resource.namespaced && context.namespace === "")) throw status.generic(405);
      return createObject(parts, context);
    case "PUT":
      allowed("update");
      if (name === "") throw status.generic(405);
      return updateObject(parts, context);
    case "PATCH":
      allowed("patch");
      if (name === "") throw status.generic(405);
      return patchObject(parts, context);
    case "DELETE":
      allowed(name === "" ? "deletecollection" : "delete");
      if (name !== "") return deleteObject(parts, context);
      if (resource.namespaced && context.namespace === "") throw status.generic(405);
      return deleteCollection(parts, context, parseListOptions(request.query, false));
    default:
      throw status.generic(405);
  }
}

function asStatusError(error: unknown, request: ApiRequest, onError: ApiServerOptions["onError"]): StatusError {
  if (error instanceof StatusError) return error;
  onError?.(error, request);
  return plainError(messageOf(error));
}
