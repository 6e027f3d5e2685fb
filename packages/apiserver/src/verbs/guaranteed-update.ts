import { type FieldError, type JsonValue, jsonEqual, type KubeObject, status } from "@podwright/kube";
import type { AdmissionAttributes } from "../admission/admission.ts";
import { whileAdmitted } from "../admission/while-admitted.ts";
import { confirm } from "../authorization/authorizer.ts";
import { objectKey, type ResourceRequest, type ServerParts } from "../context.ts";
import { restoreManagedFields } from "../field-management/field-managers.ts";
import { onlyTimesDiffer } from "../field-management/managed-fields.ts";
import { dropDuplicateOwners } from "../metadata/owner-references.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "../metadata/validation.ts";
import { plainError } from "../output/plain-error.ts";
import { fromStored } from "../output/response.ts";
import { Conversions, toStorage } from "../resources/conversion.ts";
import type { StoredObject, Write } from "../storage/storage.ts";
import { createAttributes, ensureNamespace, storeNew, wipeSystemFields } from "./create.ts";
import { parseRevision } from "./list-options.ts";
import { encodeStored, storedAttributes, writeIfUnchanged } from "./stored-object.ts";
import type { WriteOptions } from "./write-options.ts";

/** The part of the object a change is about: upstream's update strategies of the main resource and of /status. */
export interface UpdateScope {
  prepare(object: KubeObject, old: KubeObject): void;
  validate(object: KubeObject, old: KubeObject, warn: (text: string) => void): FieldError[];
  /** Does metadata.generation follow the change? */
  countsGeneration: boolean;
}

export interface Update {
  options: WriteOptions;
  scope: UpdateScope;
  /**
   * Makes the new object from the current one, which it may not change. Called again when somebody else has written
   * meanwhile, and when a conversion has come that it asked for. Without a current object it is called only where a PUT
   * may create.
   */
  change(old: KubeObject | undefined, conversions: Conversions): KubeObject;
  /** Creates the object when it is not there. */
  mayCreate: boolean;
}

export interface Updated {
  value: Buffer;
  created: boolean;
}

export function mainScope({ resource: { strategy } }: ResourceRequest): UpdateScope {
  return {
    prepare: (object, old) => strategy.prepareForUpdate(object, old),
    validate: (object, old, warn) => strategy.validateUpdate(object, old, warn),
    countsGeneration: strategy.hasGeneration,
  };
}

export function statusScope({ resource: { strategy } }: ResourceRequest): UpdateScope {
  return {
    prepare: (object, old) => strategy.prepareForStatusUpdate(object, old),
    validate: (object, old, warn) => strategy.validateStatusUpdate(object, old, warn),
    countsGeneration: false,
  };
}

/**
 * Reads, changes, admits, validates and writes, until nobody else has written in between: admission may wait for
 * webhooks, so it cannot run inside the storage's write (k8s.io/apiserver/pkg/storage/etcd3/store.go, GuaranteedUpdate).
 */
export async function guaranteedUpdate(parts: ServerParts, request: ResourceRequest, update: Update): Promise<Updated> {
  const { resource, namespace, name } = request;
  const key = objectKey(resource, namespace, name);
  let base = parts.storage.get(key);
  for (;;) {
    if (base === undefined) {
      if (!update.mayCreate) throw status.notFound({ group: resource.group, resource: resource.plural }, name);
      const value = await createByUpdate(parts, request, update);
      if (value !== undefined) return { value, created: true };
      base = parts.storage.get(key);
      continue;
    }
    const outcome = await tryUpdate(parts, request, update, key, base);
    if ("value" in outcome) return outcome;
    base = outcome.newer;
  }
}

async function tryUpdate(
  parts: ServerParts,
  request: ResourceRequest,
  update: Update,
  key: string,
  base: StoredObject,
): Promise<Updated | { newer: StoredObject | undefined }> {
  const { resource, warnings } = request;
  const { options, scope } = update;
  const old = await fromStored(resource, base.value);
  const conversions = new Conversions();
  const next = await conversions.run(() => update.change(old, conversions));
  const { managedFields } = next.metadata;
  const attributes = updateAttributes(request, next, old, options);
  return whileAdmitted(parts.admission, attributes, async () => {
    const object = attributes.object as KubeObject;
    restoreManagedFields(object, managedFields, request);
    dropDuplicateOwners(object, warnings, true);
    checkVersion(object, base, request);
    prepare(object, old, request, scope);
    validate(object, old, request, scope);
    await parts.admission.validate({ ...attributes, object });
    const type = writeType(request, object, old, base);
    if (type === "none") return { value: base.value, created: false };
    const stored = await toStorage(resource, object);
    if (options.dryRun) return { value: encodeStored(stored), created: false };
    const encode = (revision: number) => encodeStored(stored, revision);
    const write: Write = type === "delete" ? { type, encode } : { type, ...storedAttributes(resource, object), encode };
    const outcome = await writeIfUnchanged(parts.storage, key, base, write);
    return "newer" in outcome ? outcome : { value: outcome.stored.value, created: false };
  });
}

function updateAttributes(
  { resource, namespace, name, user, warnings, route }: ResourceRequest,
  object: KubeObject,
  oldObject: KubeObject,
  options: WriteOptions,
): AdmissionAttributes {
  return {
    operation: "UPDATE",
    resource,
    subresource: route.subresource,
    name,
    namespace,
    object,
    oldObject,
    user,
    dryRun: options.dryRun,
    options: options.object,
    warn: (text) => warnings.add(text),
  };
}

/** Optimistic locking; an update of most kinds may also come without a version. */
function checkVersion(object: KubeObject, base: StoredObject, { resource, name }: ResourceRequest): void {
  const version = object.metadata.resourceVersion ?? "";
  const resourceName = { group: resource.group, resource: resource.plural };
  if (version === "" || version === "0") {
    if (!resource.strategy.allowUnconditionalUpdate) {
      const field = {
        type: "Invalid",
        field: "metadata.resourceVersion",
        badValue: 0,
        detail: "must be specified for an update",
      } as const;
      throw status.invalid({ group: resource.group, kind: resource.plural }, name, [field]);
    }
    object.metadata.resourceVersion = String(base.revision);
    return;
  }
  const revision = parseRevision(version);
  if (revision === undefined) throw plainError(`strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`);
  if (revision !== base.revision) {
    throw status.conflict(
      resourceName,
      name,
      "the object has been modified; please apply your changes to the latest version and try again",
    );
  }
}

/** k8s.io/apiserver/pkg/registry/rest/update.go, BeforeUpdate. */
function prepare(object: KubeObject, old: KubeObject, request: ResourceRequest, scope: UpdateScope): void {
  const { strategy } = request.resource;
  ensureNamespace(object, request.namespace);
  const { metadata } = object;
  keep(metadata, "generation", old.metadata.generation);
  scope.prepare(object, old);
  if (scope.countsGeneration && strategy.generationChanges(object, old)) {
    object.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
  const prepared = object.metadata;
  if (!prepared.uid) keep(prepared, "uid", old.metadata.uid);
  if (old.metadata.creationTimestamp) prepared.creationTimestamp = old.metadata.creationTimestamp;
  if (old.metadata.deletionTimestamp) prepared.deletionTimestamp = old.metadata.deletionTimestamp;
  if (old.metadata.deletionGracePeriodSeconds !== undefined) {
    prepared.deletionGracePeriodSeconds ??= old.metadata.deletionGracePeriodSeconds;
  }
}

function keep<T extends object, K extends keyof T>(target: T, field: K, value: T[K] | undefined): void {
  if (value === undefined) delete target[field];
  else target[field] = value;
}

function validate(object: KubeObject, old: KubeObject, request: ResourceRequest, scope: UpdateScope): void {
  const { resource, warnings } = request;
  const errors = [
    // Finalizers of native kinds were looked at when they were put on.
    ...validateObjectMeta(object.metadata, { namespaced: resource.namespaced, custom: true }, noNameRule),
    // Upstream looks twice, once for all kinds and once for this: each finding is there twice among the causes.
    ...validateObjectMetaUpdate(object.metadata, old.metadata),
    ...validateObjectMetaUpdate(object.metadata, old.metadata),
    ...scope.validate(object, old, (text) => warnings.add(text)),
  ];
  if (errors.length > 0) {
    throw status.invalid({ group: resource.storage.group, kind: resource.kind }, object.metadata.name ?? "", errors);
  }
  for (const text of resource.strategy.warnings(object, old)) warnings.add(text);
}

/** The name was checked when the object was created, and cannot change. */
function noNameRule(): string[] {
  return [];
}

function writeType(
  { resource }: ResourceRequest,
  object: KubeObject,
  old: KubeObject,
  base: StoredObject,
): Write["type"] {
  if (deletionIsDone(object, old, resource.strategy.hasOtherFinalizers)) return "delete";
  // Writes that change nothing get no revision, else controllers would wake each other for ever.
  const isSame = object.metadata.resourceVersion === String(base.revision) && changesNothing(object, old);
  return isSame ? "none" : "put";
}

/** The times in managedFields alone are no change. */
function changesNothing(object: KubeObject, old: KubeObject): boolean {
  const { managedFields } = old.metadata;
  if (managedFields === undefined || !onlyTimesDiffer(object.metadata.managedFields, managedFields)) {
    return jsonEqual(object as JsonValue, old as JsonValue);
  }
  const same: KubeObject = { ...object, metadata: { ...object.metadata, managedFields } };
  return jsonEqual(same as JsonValue, old as JsonValue);
}

/** The last finalizer of an object that is being deleted is gone (generic/registry/store.go, ShouldDeleteDuringUpdate). */
function deletionIsDone(
  object: KubeObject,
  old: KubeObject,
  hasOtherFinalizers: ((object: KubeObject) => boolean) | undefined,
): boolean {
  return (
    old.metadata.deletionTimestamp !== undefined &&
    (object.metadata.finalizers ?? []).length === 0 &&
    (old.metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    !hasOtherFinalizers?.(object)
  );
}

/** A PUT to a name that is not there. Undefined when somebody else has just created it. */
async function createByUpdate(
  parts: ServerParts,
  request: ResourceRequest,
  { change, options }: Update,
): Promise<Buffer | undefined> {
  const conversions = new Conversions();
  const object = await conversions.run(() => change(undefined, conversions));
  wipeSystemFields(object);
  const { managedFields } = object.metadata;
  const attributes = createAttributes(request, object, options);
  return whileAdmitted(parts.admission, attributes, async () => {
    restoreManagedFields(attributes.object as KubeObject, managedFields, request);
    dropDuplicateOwners(attributes.object as KubeObject, request.warnings, true);
    // The right to update or patch is not the right to create (k8s.io/apiserver/pkg/endpoints/handlers/update.go, withAuthorization).
    const { group, version, plural } = request.resource;
    const { namespace, name, user } = request;
    const creating = { type: "resource", verb: "create", group, version, resource: plural, subresource: "" } as const;
    await confirm(parts.authorizer, user, { ...creating, namespace, name });
    return await storeNew(parts, request, attributes, options);
  });
}
