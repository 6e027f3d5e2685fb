import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  fieldError,
  formatGoValue,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type KubeObject,
  nativeTypes,
  PatchError,
  parseJson,
  type StatusError,
  status,
  stringifyJson,
  unknownJsonPatchFields,
} from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import { decodeValue, type ExpectedKind, jsonTypeName, mediaTypeOf, unregisteredText } from "../decoding/body.ts";
import { isWithinDepth, maxDepth } from "../decoding/depth.ts";
import { patchedText } from "../decoding/patch-text.ts";
import { withoutEntries } from "../field-management/managed-fields.ts";
import { plainError } from "../output/plain-error.ts";
import { storedObjectResponse } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import type { Resource } from "../resources/resource.ts";
import { applyObject } from "./apply.ts";
import { ensureNamespace } from "./create.ts";
import { guaranteedUpdate, mainScope, type UpdateScope } from "./guaranteed-update.ts";
import { checkName } from "./update.ts";
import { parseWriteOptions, type WriteOptions } from "./write-options.ts";

const jsonPatchType = "application/json-patch+json";
const mergePatchType = "application/merge-patch+json";
const strategicPatchType = "application/strategic-merge-patch+json";
const applyPatchType = "application/apply-patch+yaml";

/** PATCH of one object, or of its status when the scope says so. Without a resourceVersion in it, it goes on top of whatever is newest. */
export async function patchObject(
  parts: ServerParts,
  request: ResourceRequest,
  scope: UpdateScope = mainScope(request),
): Promise<ApiResponse> {
  if (isApply(request)) return applyObject(parts, request, scope);
  const patch = readPatch(request);
  const options = parseWriteOptions(request.request.query, "PatchOptions");
  const { value } = await guaranteedUpdate(parts, request, {
    options,
    scope,
    mayCreate: false,
    change(old, conversions) {
      const object = patched(request, patch, old as KubeObject, options);
      parts.fieldManagers.track(request, options, old, object, conversions);
      return object;
    },
  });
  return storedObjectResponse(parts, request, 200, value);
}

/** Is it a server-side apply? */
export function isApply({ request }: ResourceRequest): boolean {
  return mediaTypeOf(request.headers["content-type"]) === applyPatchType;
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
    ? [jsonPatchType, mergePatchType, applyPatchType]
    : [jsonPatchType, mergePatchType, strategicPatchType, applyPatchType];
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
  const unknown = unknownJsonPatchFields(value).map((path) => `unknown field "${path}"`);
  return {
    type: jsonPatchType,
    value,
    strictErrors: [...unknown, ...strictErrors].map((text) => `json patch ${text}`),
  };
}

function parsePatch(body: unknown, type: string): { value: JsonValue; duplicates: string[] } {
  if (body !== undefined && !(body instanceof Uint8Array)) return { value: body as JsonValue, duplicates: [] };
  try {
    return parseJson(body ?? "", maxDepth);
  } catch (error) {
    throw badPatch(type, (error as Error).message);
  }
}

function badPatch(type: string, message: string): StatusError {
  return status.badRequest(type === strategicPatchType ? message : `error decoding patch: ${message}`);
}

function unsupportedPatch(type: string, accepted: string[], resource: Resource): StatusError {
  if (resource.custom || type === strategicPatchType) {
    return status.unsupportedMediaType(accepted);
  }
  const error = status.generic(415, { serverMessage: "415: Unsupported Media Type" });
  error.status.details = {};
  return error;
}

/** The object with the patch applied, decoded as if it had come as a body. */
function patched(request: ResourceRequest, patch: Patch, old: KubeObject, options: WriteOptions): KubeObject {
  const { resource, warnings } = request;
  const decoded = decodePatched(resource, patch, old);
  if (options.fieldValidation !== "Ignore") {
    const errors = [...patch.strictErrors, ...decoded.unknown.map((path) => `unknown field "${path}"`)];
    if (errors.length > 0 && options.fieldValidation === "Strict") {
      throw invalidPatch(decoded.shown(), `strict decoding error: ${errors.join(", ")}`);
    }
    for (const text of errors) warnings.add(text);
  }
  const { object } = decoded;
  resource.strategy.setDefaults(object);
  ensureNamespace(object, request.namespace);
  checkName(object, request.name);
  return object;
}

/** The object with the patch applied, as its kind's canonical object. Throws 400 and 422 Statuses. */
export function decodePatched(
  expected: ExpectedKind,
  patch: Patch,
  old: KubeObject,
): {
  object: KubeObject;
  unknown: string[];
  /** What an error says of the patch. */
  shown: () => string;
} {
  // What is a third of the object need not be copied and read where the patch is not about it.
  const base = namesManagedFields(patch) ? old : withoutEntries(old);
  const result = applyPatch(expected, patch, base);
  const shown = () =>
    patch.type === strategicPatchType
      ? formatGoValue(patch.value)
      : patchedText(base === old ? result : applyPatch(expected, patch, old));
  if (!isJsonObject(result)) {
    const type = `json: cannot unmarshal ${jsonTypeName(result)} into Go value of type map[string]interface {}`;
    throw invalidPatch(stringifyJson(result), type);
  }
  if (result.apiVersion !== old.apiVersion || result.kind !== old.kind) {
    throw invalidPatch(shown(), unregisteredText(result));
  }
  try {
    // A custom resource's decoding may change what it is given, which shares parts with the object as it was.
    const decoded = decodeValue(expected.custom ? structuredClone(result) : result, expected);
    return { ...decoded, shown };
  } catch (error) {
    throw invalidPatch(shown(), (error as Error).message);
  }
}

function namesManagedFields({ type, value }: Patch): boolean {
  if (type === jsonPatchType || !isJsonObject(value)) return true;
  const { metadata } = value;
  return metadata !== undefined && (!isJsonObject(metadata) || metadata["managedFields"] !== undefined);
}

type PatchedKind = Pick<ExpectedKind, "group" | "version" | "kind" | "struct">;

/** Pure: the object is not changed. Throws 400 and 422 Statuses. */
function applyPatch(resource: PatchedKind, patch: Patch, old: KubeObject): KubeObject {
  try {
    switch (patch.type) {
      case jsonPatchType:
        return checkDepth(applyJsonPatch(old as JsonValue, patch.value)) as KubeObject;
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
    throw error instanceof PatchError ? patchRefused(error) : error;
  }
}

/** The operations of a JSON patch can put one deep value into another. */
function checkDepth(value: JsonValue): JsonValue {
  if (isWithinDepth(value)) return value;
  throw new PatchError(422, "exceeded max depth");
}

/** Upstream says nothing of why a patch that can be read cannot be applied. */
function patchRefused({ code, message }: PatchError): StatusError {
  switch (code) {
    case 400:
      return status.badRequest(message);
    case 413:
      return status.requestEntityTooLarge(message);
    case 422:
      return status.generic(422, { serverMessage: message });
    case 500:
      return plainError(message);
  }
}

function patchSchemaOf({ group, version, kind, struct: given }: PatchedKind) {
  const types = nativeTypes();
  const struct = given ?? types.kind(group, version, kind)?.type;
  if (struct === undefined) throw status.internalError(`${kind} has no strategic merge schema`);
  return types.patchSchema(struct);
}

/** Upstream names neither kind nor object here. */
function invalidPatch(shown: string, detail: string): StatusError {
  return status.invalid({ group: "", kind: "" }, "", [fieldError.invalid("patch", shown, detail)]);
}
