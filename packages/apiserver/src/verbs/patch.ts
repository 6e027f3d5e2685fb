import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  fieldError,
  type JsonObject,
  type JsonValue,
  type KubeObject,
  nativeTypes,
  parseJson,
  StatusError,
  status,
} from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import { decodeValue, jsonTypeName, mediaTypeOf, unregisteredText } from "../decoding/body.ts";
import { goValue, patchedText } from "../decoding/patch-text.ts";
import { storedObjectResponse } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import type { Resource } from "../resources/resource.ts";
import { ensureNamespace } from "./create.ts";
import { guaranteedUpdate, mainScope, type UpdateScope } from "./guaranteed-update.ts";
import { checkName } from "./update.ts";
import { parseWriteOptions, type WriteOptions } from "./write-options.ts";

const jsonPatchType = "application/json-patch+json";
const mergePatchType = "application/merge-patch+json";
const strategicPatchType = "application/strategic-merge-patch+json";
const applyPatchTypes: readonly string[] = ["application/apply-patch+yaml", "application/apply-patch+cbor"];

/** A JSON patch may have so many operations (k8s.io/apiserver/pkg/endpoints/handlers/patch.go). */
const maxOperations = 10_000;

/** PATCH of one object, or of its status when the scope says so. Without a resourceVersion in it, it goes on top of whatever is newest. */
export async function patchObject(
  parts: ServerParts,
  request: ResourceRequest,
  scope: UpdateScope = mainScope(request),
): Promise<ApiResponse> {
  const patch = readPatch(request);
  const options = parseWriteOptions(request.request.query, "PatchOptions");
  const { value } = await guaranteedUpdate(parts, request, {
    options,
    scope,
    mayCreate: false,
    change: (old) => patched(request, patch, old as KubeObject, options),
  });
  return storedObjectResponse(parts, request, 200, value);
}

/** A patch that can be put on any object. */
export interface Patch {
  type: typeof jsonPatchType | typeof mergePatchType | typeof strategicPatchType;
  value: JsonValue;
  /** What strict decoding says of the patch itself: `duplicate field "spec.x"`. */
  strictErrors: string[];
}

/** Throws 400 and 415 Statuses. */
export function readPatch({ request, resource }: ResourceRequest): Patch {
  const type = mediaTypeOf(request.headers["content-type"]);
  const accepted = resource.custom
    ? [jsonPatchType, mergePatchType]
    : [jsonPatchType, mergePatchType, strategicPatchType];
  if (!accepted.includes(type)) throw unsupportedPatch(type, accepted, resource);
  const { value, duplicates } = parsePatch(request.body, type);
  const strictErrors = duplicates.map((path) => `duplicate field "${path}"`);
  if (type !== jsonPatchType) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw badPatch(
        type,
        `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type map[string]interface {}`,
      );
    }
    return { type: type as Patch["type"], value, strictErrors };
  }
  if (!Array.isArray(value)) {
    const name = typeof value === "object" && value !== null ? "object" : jsonTypeName(value);
    throw badPatch(type, `json: cannot unmarshal ${name} into Go value of type []handlers.jsonPatchOp`);
  }
  if (value.length > maxOperations) {
    throw status.requestEntityTooLarge(
      `The allowed maximum operations in a JSON patch is ${maxOperations}, got ${value.length}`,
    );
  }
  const unknown = value.flatMap((operation, index) =>
    Object.keys(operation as JsonObject)
      .filter((key) => !["op", "path", "from", "value"].includes(key))
      .map((key) => `unknown field "[${index}].${key}"`),
  );
  return {
    type: jsonPatchType,
    value,
    strictErrors: [...unknown, ...strictErrors].map((text) => `json patch ${text}`),
  };
}

function parsePatch(body: unknown, type: string): { value: JsonValue; duplicates: string[] } {
  if (body !== undefined && !(body instanceof Uint8Array)) return { value: body as JsonValue, duplicates: [] };
  try {
    return parseJson(body ?? "");
  } catch (error) {
    throw badPatch(type, (error as Error).message);
  }
}

function badPatch(type: string, message: string): StatusError {
  return status.badRequest(type === strategicPatchType ? message : `error decoding patch: ${message}`);
}

function unsupportedPatch(type: string, accepted: string[], resource: Resource): StatusError {
  if (resource.custom || applyPatchTypes.includes(type) || type === strategicPatchType) {
    return status.unsupportedMediaType(accepted);
  }
  const error = status.generic(415, { serverMessage: "415: Unsupported Media Type" });
  error.status.details = {};
  return error;
}

/** The object with the patch applied, decoded as if it had come as a body. */
function patched(request: ResourceRequest, patch: Patch, old: KubeObject, options: WriteOptions): KubeObject {
  const { resource, warnings } = request;
  const result = applyPatch(resource, patch, old);
  const shown = () => (patch.type === strategicPatchType ? goValue(patch.value) : patchedText(result));
  if (result.apiVersion !== old.apiVersion || result.kind !== old.kind)
    throw invalidPatch(shown(), unregisteredText(result));
  let decoded: { object: KubeObject; unknown: string[] };
  try {
    // A custom resource's decoding may change what it is given, which shares parts with the object as it was.
    decoded = decodeValue(resource.custom ? structuredClone(result) : result, resource);
  } catch (error) {
    throw invalidPatch(shown(), (error as Error).message);
  }
  if (options.fieldValidation !== "Ignore") {
    const errors = [...patch.strictErrors, ...decoded.unknown.map((path) => `unknown field "${path}"`)];
    if (errors.length > 0 && options.fieldValidation === "Strict") {
      throw invalidPatch(shown(), `strict decoding error: ${errors.join(", ")}`);
    }
    for (const text of errors) warnings.add(text);
  }
  const { object } = decoded;
  resource.strategy.setDefaults(object);
  ensureNamespace(object, request.namespace);
  checkName(object, request.name);
  return object;
}

/** Pure: the object is not changed. Throws 400 and 422 Statuses. */
export function applyPatch(
  resource: Pick<Resource, "group" | "version" | "kind">,
  patch: Patch,
  old: KubeObject,
): KubeObject {
  try {
    switch (patch.type) {
      case jsonPatchType:
        return applyJsonPatch(old as JsonValue, patch.value as JsonValue[]) as KubeObject;
      case mergePatchType:
        return applyMergePatch(old as JsonValue, patch.value) as KubeObject;
      case strategicPatchType:
        return applyStrategicMergePatch(
          old as JsonObject,
          patch.value as JsonObject,
          patchSchemaOf(resource),
        ) as KubeObject;
    }
  } catch (error) {
    if (error instanceof StatusError) throw error;
    if (patch.type === jsonPatchType) throw status.generic(422);
    throw status.badRequest((error as Error).message);
  }
}

function patchSchemaOf({ group, version, kind }: Pick<Resource, "group" | "version" | "kind">) {
  const types = nativeTypes();
  const struct = types.kind(group, version, kind)?.type;
  if (struct === undefined) throw status.internalError(`${kind} has no strategic merge schema`);
  return types.patchSchema(struct);
}

/** Upstream names neither kind nor object here. */
function invalidPatch(shown: string, detail: string): StatusError {
  return status.invalid({ group: "", kind: "" }, "", [fieldError.invalid("patch", shown, detail)]);
}
