import { cloneJson, type JsonObject, type JsonValue, type KubeObject, status } from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import { decodeValue } from "../decoding/body.ts";
import { type ApplyBody, readApplyBody } from "../field-management/apply-body.ts";
import { storedObjectResponse } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import { ensureNamespace } from "./create.ts";
import { guaranteedUpdate, type UpdateScope } from "./guaranteed-update.ts";
import { parseBoolean } from "./list-options.ts";
import { checkName } from "./update.ts";
import { parseWriteOptions, type WriteOptions } from "./write-options.ts";

/** PATCH with an apply configuration: of the object, which it creates when it is not there, or of a subresource. */
export async function applyObject(
  parts: ServerParts,
  request: ResourceRequest,
  scope: UpdateScope,
): Promise<ApiResponse> {
  const { resource, route, namespace, name } = request;
  const options = parseWriteOptions(request.request.query, "PatchOptions", true);
  const body = readApplyBody(request.request);
  const manager = parts.fieldManagers.of(resource, route.subresource);
  const { value, created } = await guaranteedUpdate(parts, request, {
    options,
    scope,
    mayCreate: route.subresource === "",
    change(old, conversions) {
      const object = manager.apply(old, {
        manager: options.fieldManager,
        force: isForced(request),
        config: body.config,
        decode: (merged) => decodeMerged(request, merged),
        conversions,
      });
      checkDuplicates(body, options, request);
      if (old === undefined) {
        refuseUid(object, request);
        // Upstream looks at it where there is an object only.
        delete object.metadata.resourceVersion;
      }
      ensureNamespace(object, namespace);
      checkName(object, name);
      return object;
    },
  });
  return storedObjectResponse(parts, request, created ? 201 : 200, value);
}

export function isForced({ request }: ResourceRequest): boolean {
  return parseBoolean(request.query.get("force")) === true;
}

function decodeMerged({ resource }: ResourceRequest, merged: JsonObject): KubeObject {
  // A custom resource's decoding changes what it is given, which shares parts with the object as it was.
  const given = resource.custom ? cloneJson(merged as JsonValue) : merged;
  const { object } = decodeValue(given as unknown as KubeObject, resource);
  resource.strategy.setDefaults(object);
  return object;
}

export function checkDuplicates({ duplicates }: ApplyBody, options: WriteOptions, request: ResourceRequest): void {
  if (duplicates.length === 0 || options.fieldValidation === "Ignore") return;
  if (options.fieldValidation === "Strict") {
    const errors = `yaml: unmarshal errors:\n  ${duplicates.join("\n  ")}`;
    throw status.badRequest(`error strict decoding YAML: error converting YAML to JSON: ${errors}`);
  }
  for (const text of duplicates) request.warnings.add(text);
}

function refuseUid({ metadata: { uid } }: KubeObject, { resource, name }: ResourceRequest): void {
  if (!uid) return;
  throw status.conflict(
    { group: resource.group, resource: resource.plural },
    name,
    `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
  );
}
