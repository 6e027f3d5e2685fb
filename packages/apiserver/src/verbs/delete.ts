import { type JsonValue, jsonEqual, type KubeObject, type Status, status, successStatus } from "@podwright/kube";
import type { AdmissionAttributes } from "../admission/admission.ts";
import { objectKey, type ResourceRequest, type ServerParts } from "../context.ts";
import { fromStored, statusResponse, storedObjectResponse } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import { toStorage } from "../resources/conversion.ts";
import type { StoredObject, Write } from "../storage/storage.ts";
import { type DeleteOptions, parseDeleteOptions } from "./delete-options.ts";
import { decideDeletion } from "./deletion.ts";
import { encodeStored, storedAttributes, writeIfUnchanged } from "./stored-object.ts";

/** DELETE of one object. Answers with the object when it stays for a while, or when its kind always does. */
export async function deleteObject(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const { resource, name, output } = request;
  const options = parseDeleteOptions(request.request);
  const { object, value, removed } = await removeObject(parts, request, name, options);
  if (!removed || resource.strategy.returnsDeletedObject) {
    const code = !removed && options.orphanDependents === false ? 202 : 200;
    return storedObjectResponse(parts, request, code, value);
  }
  return statusResponse(deletedStatus(request, name, object), output, 200);
}

function deletedStatus({ resource }: ResourceRequest, name: string, { metadata }: KubeObject): Status {
  const { group, plural } = resource;
  return successStatus({
    name,
    ...(group !== "" && { group }),
    kind: plural,
    ...(metadata.uid !== undefined && { uid: metadata.uid }),
  });
}

export interface Removed {
  /** Its last state, or how it is now. */
  object: KubeObject;
  value: Buffer;
  removed: boolean;
}

/** Deletes one object, trying again when somebody else changes it meanwhile. Throws 404, 409 and what admission refuses with. */
export async function removeObject(
  parts: ServerParts,
  request: ResourceRequest,
  name: string,
  options: DeleteOptions,
  namespace: string = request.namespace,
): Promise<Removed> {
  const { resource } = request;
  const key = objectKey(resource, namespace, name);
  let base = parts.storage.get(key);
  for (;;) {
    if (base === undefined) throw status.notFound({ group: resource.group, resource: resource.plural }, name);
    const outcome = await tryRemove(parts, request, key, base, options, namespace);
    if ("object" in outcome) return outcome;
    base = outcome.newer;
  }
}

async function tryRemove(
  parts: ServerParts,
  request: ResourceRequest,
  key: string,
  base: StoredObject,
  options: DeleteOptions,
  namespace: string,
): Promise<Removed | { newer: StoredObject | undefined }> {
  const { resource } = request;
  const old = await fromStored(resource, base.value);
  const deletion = decideDeletion(resource, old, options, parts.clock.now());
  if (deletion.type === "unchanged") return { object: old, value: base.value, removed: false };
  const attributes = deleteAttributes(request, old, options, namespace);
  await parts.admission.mutate(attributes);
  await parts.admission.validate(attributes);
  const { object } = deletion;
  const removed = deletion.type === "remove";
  if (!removed && jsonEqual(object as JsonValue, old as JsonValue)) return { object, value: base.value, removed };
  const stored = await toStorage(resource, object);
  if (options.dryRun) return { object, value: encodeStored(stored), removed };
  const encode = (revision: number): Buffer => encodeStored(stored, revision);
  const write: Write = removed
    ? { type: "delete", encode }
    : { type: "put", ...storedAttributes(resource, object), encode };
  const outcome = await writeIfUnchanged(parts.storage, key, base, write);
  return "newer" in outcome ? outcome : { object, value: outcome.stored.value, removed };
}

function deleteAttributes(
  { resource, name, user, warnings }: ResourceRequest,
  oldObject: KubeObject,
  options: DeleteOptions,
  namespace: string,
): AdmissionAttributes {
  return {
    operation: "DELETE",
    resource,
    subresource: "",
    name,
    namespace,
    oldObject,
    user,
    dryRun: options.dryRun,
    options: options.object,
    warn: (text) => warnings.add(text),
  };
}
