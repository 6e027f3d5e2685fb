import { type KubeObject, status } from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import { decodeBody } from "../decoding/body.ts";
import { dropDuplicateOwners } from "../metadata/owner-references.ts";
import { storedObjectResponse } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import { ensureNamespace } from "./create.ts";
import { guaranteedUpdate, mainScope, type UpdateScope } from "./guaranteed-update.ts";
import { parseWriteOptions, type WriteOptions } from "./write-options.ts";

/** PUT of one object, or of its status when the scope says so. */
export async function updateObject(
  parts: ServerParts,
  request: ResourceRequest,
  scope: UpdateScope = mainScope(request),
): Promise<ApiResponse> {
  const options = parseWriteOptions(request.request.query, "UpdateOptions");
  const { resource } = request;
  const read = bodyReader(request, options);
  let first: KubeObject | undefined = read();
  const { value, created } = await guaranteedUpdate(parts, request, {
    options,
    scope,
    mayCreate: resource.strategy.allowCreateOnUpdate && request.route.subresource === "",
    change(old, conversions) {
      // What was read is changed on its way: a second attempt reads again.
      const object = first ?? read();
      first = undefined;
      checkUid(object, old, request);
      parts.fieldManagers.track(request, options, old, object, conversions);
      return object;
    },
  });
  return storedObjectResponse(parts, request, created ? 201 : 200, value);
}

/** Gives a new object from the body with each call. */
function bodyReader(request: ResourceRequest, options: WriteOptions): () => KubeObject {
  const { resource, namespace, name, warnings } = request;
  const { body } = request.request;
  // A custom resource's decoding may work on the object that was handed over.
  const handedOver = resource.custom && body !== undefined && !(body instanceof Uint8Array);
  return () => {
    const apiRequest = handedOver ? { ...request.request, body: structuredClone(body) } : request.request;
    const object = decodeBody(apiRequest, resource, options.fieldValidation, warnings);
    resource.strategy.setDefaults(object);
    ensureNamespace(object, namespace);
    checkName(object, name);
    dropDuplicateOwners(object, warnings, false);
    return object;
  };
}

/** k8s.io/apiserver/pkg/endpoints/handlers/rest.go, checkName. */
export function checkName(object: KubeObject, name: string): void {
  if (!object.metadata.name) {
    throw status.badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  if (object.metadata.name !== name) {
    throw status.badRequest(
      `the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`,
    );
  }
}

/** A uid in the body is a precondition: the object is still the one the client means. */
function checkUid(
  object: KubeObject,
  old: KubeObject | undefined,
  { resource, namespace, name }: ResourceRequest,
): void {
  const uid = object.metadata.uid;
  if (!uid || uid === old?.metadata.uid) return;
  const where = resource.group === "" ? "" : `${resource.group}/`;
  const key = `/registry/${where}${resource.plural}/${namespace === "" ? "" : `${namespace}/`}${name}`;
  throw status.conflict(
    { group: resource.group, resource: resource.plural },
    name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old?.metadata.uid ?? ""}`,
  );
}
