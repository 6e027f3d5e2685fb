import { randomUUID } from "node:crypto";
import { cloneJson, formatTime, type KubeObject, type ObjectMeta, status } from "@podwright/kube";
import type { AdmissionAttributes } from "../admission/admission.ts";
import { whileAdmitted } from "../admission/while-admitted.ts";
import { objectKey, type ResourceRequest, type ServerParts } from "../context.ts";
import { decodeBody } from "../decoding/body.ts";
import { restoreManagedFields } from "../field-management/field-managers.ts";
import { generateName } from "../metadata/names.ts";
import { dropDuplicateOwners } from "../metadata/owner-references.ts";
import { validateObjectMeta } from "../metadata/validation.ts";
import { plainError } from "../output/plain-error.ts";
import { storedObjectResponse } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import { Conversions, toStorage } from "../resources/conversion.ts";
import { encodeStored, storedAttributes } from "./stored-object.ts";
import { parseWriteOptions, type WriteOptions } from "./write-options.ts";

/** Tries at a free generated name (k8s.io/apiserver/pkg/registry/generic/registry/store.go, maxNameGenerationCreateAttempts). */
const generateNameTries = 8;

/** POST to a collection: decode → default → admit (mutating) → validate → admit (validating) → store. */
export async function createObject(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const options = parseWriteOptions(request.request.query, "CreateOptions");
  const { resource, warnings } = request;
  const object = decodeBody(request.request, resource, options.fieldValidation, warnings);
  resource.strategy.setDefaults(object);
  wipeSystemFields(object);
  ensureNamespace(object, request.namespace);
  dropDuplicateOwners(object, warnings, false);
  const conversions = new Conversions();
  await conversions.run(() => parts.fieldManagers.track(request, options, undefined, object, conversions));
  const { managedFields } = object.metadata;
  const attributes = createAttributes(request, object, options);
  return whileAdmitted(parts.admission, attributes, () =>
    storeAdmitted(parts, request, attributes, options, managedFields),
  );
}

async function storeAdmitted(
  parts: ServerParts,
  request: ResourceRequest,
  attributes: AdmissionAttributes,
  options: WriteOptions,
  managedFields: ObjectMeta["managedFields"],
): Promise<ApiResponse> {
  const { resource, warnings } = request;
  const admitted = attributes.object as KubeObject;
  restoreManagedFields(admitted, managedFields, request);
  dropDuplicateOwners(admitted, warnings, true);
  const generated = !admitted.metadata.name && Boolean(admitted.metadata.generateName);
  for (let attempt = 1; ; attempt++) {
    // Every try begins with the admitted object: preparing and encoding change it.
    const candidate = generated && attempt < generateNameTries ? cloneJson(admitted) : admitted;
    if (generated) candidate.metadata.name = generateName(candidate.metadata.generateName as string);
    const stored = await storeNew(parts, request, { ...attributes, object: candidate }, options);
    if (stored !== undefined) return storedObjectResponse(parts, request, 201, stored);
    const name = candidate.metadata.name as string;
    const resourceName = { group: resource.group, resource: resource.plural };
    if (!generated) throw status.alreadyExists(resourceName, name);
    if (attempt === generateNameTries) throw status.generateNameConflict(resourceName, name);
  }
}

/** The rest of a creation, from an object that mutating admission is done with. Undefined when the name is taken. */
export async function storeNew(
  parts: ServerParts,
  request: ResourceRequest,
  attributes: AdmissionAttributes,
  options: WriteOptions,
): Promise<Buffer | undefined> {
  const { resource } = request;
  const object = attributes.object as KubeObject;
  fillSystemFields(object, resource.strategy.hasGeneration, parts.clock.now());
  resource.strategy.prepareForCreate(object);
  ensureNamespace(object, request.namespace);
  validateNew(object, request);
  for (const text of resource.strategy.warnings(object, undefined)) request.warnings.add(text);
  await parts.admission.validate({ ...attributes, name: object.metadata.name as string, object });
  const key = objectKey(resource, request.namespace, object.metadata.name as string);
  if (object.metadata.resourceVersion && !options.dryRun) {
    throw plainError("resourceVersion should not be set on objects to be created");
  }
  const stored = await toStorage(resource, object);
  if (options.dryRun) return parts.storage.get(key) === undefined ? encodeStored(stored) : undefined;
  let taken = false;
  const result = await parts.storage.write(key, (current) => {
    taken = current !== undefined;
    if (taken) return { type: "none" };
    return {
      type: "put",
      ...storedAttributes(resource, object),
      encode: (revision) => encodeStored(stored, revision),
    };
  });
  return taken ? undefined : result.object?.value;
}

function validateNew(object: KubeObject, { resource }: ResourceRequest): void {
  const { strategy } = resource;
  const errors = [
    ...validateObjectMeta(object.metadata, resource, strategy.validateName),
    ...strategy.validate(object),
  ];
  if (errors.length > 0) {
    throw status.invalid({ group: resource.storage.group, kind: resource.kind }, object.metadata.name ?? "", errors);
  }
}

export function createAttributes(
  request: ResourceRequest,
  object: KubeObject,
  options: WriteOptions,
): AdmissionAttributes {
  const { resource, namespace, user, warnings, route } = request;
  return {
    operation: "CREATE",
    resource,
    subresource: route.subresource,
    name: object.metadata.name ?? "",
    namespace,
    object,
    user,
    dryRun: options.dryRun,
    options: options.object["kind"] === "CreateOptions" ? options.object : { ...options.object, kind: "CreateOptions" },
    warn: (text) => warnings.add(text),
  };
}

/** What a client may not give (k8s.io/apiserver/pkg/registry/rest/meta.go, WipeObjectMetaSystemFields). */
export function wipeSystemFields(object: KubeObject): void {
  const { metadata } = object;
  delete metadata.creationTimestamp;
  delete metadata.uid;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
}

function fillSystemFields(object: KubeObject, hasGeneration: boolean, now: number): void {
  const { name, generateName: base, namespace, resourceVersion, ...given } = object.metadata;
  // Admission may have set them since they were wiped.
  const { uid: _uid, creationTimestamp: _creationTimestamp, generation: _generation, ...rest } = given;
  // In the order of Go's struct, so that stored bytes read like upstream's.
  object.metadata = {
    ...(name !== undefined && { name }),
    ...(base !== undefined && { generateName: base }),
    ...(namespace !== undefined && { namespace }),
    uid: randomUUID(),
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(hasGeneration && { generation: 1 }),
    creationTimestamp: formatTime(now),
    ...rest,
  };
}

/** rest/meta.go, EnsureObjectNamespaceMatchesRequestNamespace; "" for cluster-scoped resources. */
export function ensureNamespace(object: KubeObject, namespace: string): void {
  const { metadata } = object;
  if ((metadata.namespace ?? "") === namespace) return;
  if (!metadata.namespace) {
    metadata.namespace = namespace;
  } else if (namespace === "") {
    delete metadata.namespace;
  } else {
    throw status.badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
}
