import { StatusError, status } from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import type { ApiResponse } from "../request.ts";
import { getObject } from "../verbs/get.ts";
import { statusScope } from "../verbs/guaranteed-update.ts";
import { patchObject } from "../verbs/patch.ts";
import { updateObject } from "../verbs/update.ts";
import { bindPod } from "./binding.ts";
import { ephemeralContainersScope } from "./ephemeral-containers.ts";
import { evictPod } from "./eviction.ts";
import { finalizeScope } from "./namespace-finalize.ts";
import { servePodLog } from "./pod-log.ts";
import { serveScale } from "./scale.ts";
import { requestToken } from "./token.ts";

/** Requests for RESOURCE/NAME/SUBRESOURCE. */
export async function serveSubresource(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const { resource, route } = request;
  const subresource = resource.subresources.find(({ name }) => name === route.subresource);
  if (subresource === undefined && resource.custom && request.name !== "") {
    throw status.notFound({ group: resource.group, resource: resource.plural }, request.name);
  }
  if (subresource === undefined || request.name === "") throw status.pathNotFound();
  const verb = verbOf(request.request.method);
  if (verb === undefined || !subresource.verbs.includes(verb)) throw status.generic(405);
  if (route.subresource === "status") return serveScoped(parts, request, verb, statusScope(request));
  if (route.subresource === "scale" && resource.scale !== undefined) return serveScale(parts, request, resource.scale);
  switch (`${resource.plural}/${route.subresource}`) {
    case "pods/binding":
      return bindPod(parts, request);
    case "pods/eviction":
      return evictPod(parts, request);
    case "pods/ephemeralcontainers":
      return serveScoped(parts, request, verb, ephemeralContainersScope(request));
    case "pods/log":
      return servePodLog(parts, request);
    case "namespaces/finalize":
      return updateObject(parts, request, finalizeScope(request));
    case "serviceaccounts/token":
      return requestToken(parts, request);
    case "certificatesigningrequests/approval":
      return serveScoped(parts, request, verb, statusScope(request));
    default:
      throw notImplemented(`${resource.plural}/${route.subresource}`);
  }
}

function verbOf(method: string): string | undefined {
  switch (method) {
    case "GET":
      return "get";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return "delete";
    default:
      return undefined;
  }
}

function serveScoped(
  parts: ServerParts,
  request: ResourceRequest,
  verb: string,
  scope: ReturnType<typeof statusScope>,
): ApiResponse | Promise<ApiResponse> {
  if (verb === "get") return getObject(parts, request);
  return verb === "patch" ? patchObject(parts, request, scope) : updateObject(parts, request, scope);
}

function notImplemented(what: string): StatusError {
  const message = `${what} is not implemented by this server`;
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason: "NotImplemented",
    code: 501,
  });
}
