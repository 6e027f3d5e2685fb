import { status } from "@podwright/kube";
import { objectKey, type ResourceRequest, type ServerParts } from "../context.ts";
import { storedObjectResponse } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import { parseBoolean, parseRevision } from "./list-options.ts";
import { invalidRevision, waitForRevision } from "./revision.ts";

/** GET of one object. `resourceVersion` asks for a state at least that new. */
export function getObject(parts: ServerParts, request: ResourceRequest): ApiResponse | Promise<ApiResponse> {
  const { query } = request.request;
  const version = query.size > 0 ? readVersion(query) : "";
  if (version === "" || version === "0") return read(parts, request);
  const revision = parseRevision(version);
  if (revision === undefined) throw invalidRevision(version);
  return waitForRevision(parts.storage, revision).then(() => read(parts, request));
}

/** Throws 400 for the query that used to export objects. */
function readVersion(query: URLSearchParams): string {
  if (parseBoolean(query.get("export")) === true) {
    throw status.badRequest("the export parameter, deprecated since v1.14, is no longer supported");
  }
  return query.get("resourceVersion") ?? "";
}

function read(parts: ServerParts, request: ResourceRequest): ApiResponse | Promise<ApiResponse> {
  const { resource, namespace, name } = request;
  const stored = parts.storage.get(objectKey(resource, namespace, name));
  if (stored === undefined) throw status.notFound({ group: resource.group, resource: resource.plural }, name);
  return storedObjectResponse(parts, request, 200, stored.value);
}
