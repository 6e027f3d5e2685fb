import { fieldError, formatApiVersion, type KubeObject, parseApiVersion, status } from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import { objectKey } from "../context.ts";
import { decodeBody, decodeValue } from "../decoding/body.ts";
import { readApplyBody } from "../field-management/apply-body.ts";
import { requestManager } from "../field-management/field-managers.ts";
import { setEntries } from "../field-management/managed-fields.ts";
import { parentEntries, type ReplicasPaths, scaleEntries } from "../field-management/scale-ownership.ts";
import { fromStored, objectResponse } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import type { Conversions } from "../resources/conversion.ts";
import type { Resource, ScaleMapping } from "../resources/resource.ts";
import { checkDuplicates, isForced } from "../verbs/apply.ts";
import { ensureNamespace } from "../verbs/create.ts";
import { guaranteedUpdate, mainScope } from "../verbs/guaranteed-update.ts";
import { decodePatched, isApply, readPatch } from "../verbs/patch.ts";
import { checkName } from "../verbs/update.ts";
import { parseWriteOptions, type WriteOptions } from "../verbs/write-options.ts";

const scaleKind = {
  group: "autoscaling",
  version: "v1",
  kind: "Scale",
  custom: false,
  struct: "io.k8s.api.autoscaling.v1.Scale",
};

/** RESOURCE/NAME/scale: the number of replicas of any kind that has one, as an autoscaling/v1 Scale. */
export async function serveScale(
  parts: ServerParts,
  request: ResourceRequest,
  mapping: ScaleMapping,
): Promise<ApiResponse> {
  const { method } = request.request;
  if (method === "GET") {
    const object = await readScaled(parts, request);
    const path = mapping.specReplicasPath;
    if (path !== undefined && mapping.specReplicas(object) === undefined) {
      throw status.internalError(`the spec replicas field ${JSON.stringify(path)} does not exist`);
    }
    return scaleResponse(parts, request, object, mapping);
  }
  const applies = method !== "PUT" && isApply(request);
  const options = parseWriteOptions(
    request.request.query,
    method === "PUT" ? "UpdateOptions" : "PatchOptions",
    applies,
  );
  const change =
    method === "PUT" ? bodyChange(request) : applies ? applyChange(parts, request, options) : patchChange(request);
  const paths = replicasPaths(parts, request, mapping);
  const { resource } = request;
  const { value } = await guaranteedUpdate(parts, request, {
    options,
    scope: mainScope(request),
    mayCreate: false,
    change(old, conversions) {
      const current = old as KubeObject;
      const before = scaleOf(current, mapping);
      const owned = scaleEntries(current.metadata.managedFields, paths);
      if (owned !== undefined) before.metadata.managedFields = owned;
      const scale = change(before, options.fieldValidation, conversions);
      if (!applies) parts.fieldManagers.scale.update(before, scale, requestManager(request, options), conversions);
      // A custom resource says itself what its replicas may be.
      if (!request.resource.custom) validateScale(scale);
      const object = structuredClone(current);
      const entries = parentEntries(
        current.metadata.managedFields,
        scale.metadata.managedFields,
        formatApiVersion(resource.group, resource.version),
        paths,
      );
      setEntries(object, entries);
      mapping.setReplicas(object, scale["spec"]?.replicas ?? 0);
      // The Scale's version stands for the object's: an empty one means whatever is newest.
      object.metadata.resourceVersion = scale.metadata.resourceVersion || (current.metadata.resourceVersion as string);
      return object;
    },
  });
  return scaleResponse(parts, request, await fromStored(request.resource, value), mapping);
}

type FieldValidation = ReturnType<typeof parseWriteOptions>["fieldValidation"];
type ScaleChange = (scale: KubeObject, fieldValidation: FieldValidation, conversions: Conversions) => KubeObject;

function bodyChange(request: ResourceRequest): ScaleChange {
  return (_, fieldValidation) => {
    const scale = decodeBody(request.request, scaleKind, fieldValidation, request.warnings);
    ensureNamespace(scale, request.namespace);
    checkName(scale, request.name);
    return scale;
  };
}

function patchChange(request: ResourceRequest): ScaleChange {
  const patch = readPatch(request);
  return (scale) => {
    const { object } = decodePatched(scaleKind, patch, scale);
    checkName(object, request.name);
    return object;
  };
}

function applyChange(parts: ServerParts, request: ResourceRequest, options: WriteOptions): ScaleChange {
  const body = readApplyBody(request.request);
  return (scale, _, conversions) => {
    const object = parts.fieldManagers.scale.apply(scale, {
      manager: options.fieldManager,
      force: isForced(request),
      config: body.config,
      decode: (merged) => decodeValue(merged as unknown as KubeObject, scaleKind).object,
      conversions,
    });
    checkDuplicates(body, options, request);
    ensureNamespace(object, request.namespace);
    checkName(object, request.name);
    return object;
  };
}

/** Where each version of the resource has its replicas. */
function replicasPaths({ registry }: ServerParts, { resource }: ResourceRequest, mapping: ScaleMapping): ReplicasPaths {
  return (apiVersion) => {
    const { group, version } = parseApiVersion(apiVersion);
    const found = registry.lookup(group, version, resource.plural);
    if (found === undefined) return undefined;
    const ofVersion = found.group === resource.group && found.version === resource.version ? mapping : found.scale;
    if (ofVersion === undefined) return { path: undefined };
    const path = ofVersion.specReplicasPath ?? ".spec.replicas";
    return {
      path: path
        .split(".")
        .slice(1)
        .map((f) => ({ f })),
    };
  };
}

function readScaled(
  parts: ServerParts,
  { resource, namespace, name }: ResourceRequest,
): KubeObject | Promise<KubeObject> {
  const stored = parts.storage.get(objectKey(resource, namespace, name));
  if (stored === undefined) throw status.notFound({ group: resource.group, resource: resource.plural }, name);
  return fromStored(resource, stored.value);
}

function scaleOf(object: KubeObject, mapping: ScaleMapping): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = mapping.specReplicas(object);
  const selector = mapping.selector(object);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
    spec: replicas === undefined || replicas === 0 ? {} : { replicas },
    status: { replicas: mapping.statusReplicas(object), ...(selector !== "" && { selector }) },
  };
}

/** k8s.io/kubernetes/pkg/apis/autoscaling/validation/validation.go, ValidateScale. */
function validateScale(scale: KubeObject): void {
  const replicas = scale["spec"]?.replicas ?? 0;
  if (replicas >= 0) return;
  const error = fieldError.invalid("spec.replicas", replicas, "must be greater than or equal to 0");
  throw status.invalid({ group: "autoscaling", kind: "Scale" }, scale.metadata.name ?? "", [error]);
}

const scaleTable: Pick<Resource, "table"> = {
  table: {
    columns: [
      { name: "Name", type: "string", format: "name", description: "", priority: 0 },
      { name: "Created At", type: "date", format: "", description: "", priority: 0 },
    ],
    cells: ({ metadata }) => [metadata.name ?? "", metadata.creationTimestamp ?? ""],
  },
};

function scaleResponse(
  parts: ServerParts,
  request: ResourceRequest,
  object: KubeObject,
  mapping: ScaleMapping,
): ApiResponse {
  const resource = { ...request.resource, ...scaleTable };
  return objectResponse(parts, { ...request, resource }, 200, scaleOf(object, mapping));
}
