/** pods/proxy, services/proxy and nodes/proxy (k8s.io/apimachinery/pkg/util/proxy/upgradeaware.go). */
import { isUpgradeRequest } from "@podwright/streaming";
import type { ResourceRequest, ServerParts } from "../../context.ts";
import type { ApiResponse } from "../../request.ts";
import { admitConnection } from "../connect/admit.ts";
import { forwardRequest, queryOf } from "./forward.ts";
import { type ProxyLocation, podLocation, serviceLocation } from "./location.ts";
import { answerAsKubelet } from "./node.ts";
import { forwardUpgrade } from "./upgrade.ts";

export async function proxyToPod(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const path = await admitted(parts, request, "PodProxyOptions");
  return proxy(parts, request, podLocation(parts, request.namespace, request.name), path);
}

export async function proxyToService(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const path = await admitted(parts, request, "ServiceProxyOptions");
  return proxy(parts, request, serviceLocation(parts, request.namespace, request.name), path);
}

export async function proxyToNode(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const path = await admitted(parts, request, "NodeProxyOptions");
  return answerAsKubelet(parts, request, path);
}

const proxyPath = /^\/api\/v1\/(?:namespaces\/[^/]+\/(?:pods|services)|nodes)\/[^/]+\/proxy(\/.*)?$/;

/** The path below the proxy, still encoded, with its slash; "" for none. */
async function admitted(parts: ServerParts, request: ResourceRequest, kind: string): Promise<string> {
  const below = proxyPath.exec(request.request.path)?.[1] ?? "";
  await admitConnection(parts, request, kind, below === "" ? {} : { path: decoded(below) });
  return below;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function proxy(
  parts: ServerParts,
  { request }: ResourceRequest,
  location: ProxyLocation,
  path: string,
): Promise<ApiResponse> {
  if (isUpgradeRequest(request.headers)) return forwardUpgrade(parts, request, location, path);
  if (path === "" && (request.method === "GET" || request.method === "HEAD")) {
    // Links of the page are relative to a folder.
    const query = queryOf(request);
    return { status: 301, headers: { Location: `${request.path}/${query}` }, body: { type: "bytes", chunks: [] } };
  }
  return forwardRequest(parts, request, location, path);
}
