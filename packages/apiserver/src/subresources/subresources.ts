import { StatusError, status } from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import type { ApiResponse } from "../request.ts";
import { getObject } from "../verbs/get.ts";
import { statusScope } from "../verbs/guaranteed-update.ts";
import { patchObject } from "../verbs/patch.ts";
import { updateObject } from "../verbs/update.ts";
import { bindPod } from "./binding.ts";

/** Requests for RESOURCE/NAME/SUBRESOURCE. The code of those that few need is loaded when it is first asked for. */
export async function serveSubresource(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const { resource, route } = request;
  const subresource = resource.subresources.find(({ name }) => name === route.subresource);
  if (subresource === undefined && resource.custom && request.name !== "") {
    throw status.notFound({ group: resource.group, resource: resource.plural }, request.name);
  }
  if (subresource === undefined || request.name === "") throw status.pathNotFound();
  if (route.subresource === "proxy" && !resource.custom) return proxy(parts, request);
  const verb = verbOf(request.request.method);
  if (verb === undefined || !subresource.verbs.includes(verb)) throw status.generic(405);
  if (route.subresource === "status") return serveScoped(parts, request, verb, statusScope(request));
  if (route.subresource === "scale" && resource.scale !== undefined) {
    return (await import("./scale.ts")).serveScale(parts, request, resource.scale);
  }
  switch (`${resource.plural}/${route.subresource}`) {
    case "pods/binding":
      return bindPod(parts, request);
    case "pods/eviction":
      return (await import("./eviction.ts")).evictPod(parts, request);
    case "pods/ephemeralcontainers": {
      const { ephemeralContainersScope } = await import("./ephemeral-containers.ts");
      return serveScoped(parts, request, verb, ephemeralContainersScope(request));
    }
    case "pods/exec":
      return (await import("./connect/pod-streams.ts")).execInPod(parts, request);
    case "pods/attach":
      return (await import("./connect/pod-streams.ts")).attachToPod(parts, request);
    case "pods/portforward":
      return (await import("./connect/pod-streams.ts")).forwardPodPorts(parts, request);
    case "pods/resize": {
      const { podResizeScope } = await import("./pod-resize.ts");
      return serveScoped(parts, request, verb, podResizeScope(request));
    }
    case "pods/log":
      return (await import("./pod-log.ts")).servePodLog(parts, request);
    case "namespaces/finalize": {
      const { finalizeScope } = await import("./namespace-finalize.ts");
      return updateObject(parts, request, finalizeScope(request));
    }
    case "serviceaccounts/token":
      return (await import("./token.ts")).requestToken(parts, request);
    case "certificatesigningrequests/approval":
      return serveScoped(parts, request, verb, statusScope(request));
    default:
      throw notImplemented(`${resource.plural}/${route.subresource}`);
  }
}

/** Any method that HTTP has, and a path of its own below the subresource. */
async function proxy(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const { proxyToNode, proxyToPod, proxyToService } = await import("./proxy/proxy.ts");
  switch (request.resource.plural) {
    case "pods":
      return proxyToPod(parts, request);
    case "services":
      return proxyToService(parts, request);
    default:
      return proxyToNode(parts, request);
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
