import {
  decodeNative,
  decodeProtobuf,
  fieldError,
  formatApiVersion,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type KubeObject,
  nativeTypes,
  parseApiVersion,
  parseJson,
  StatusError,
  status,
} from "@podwright/kube";
import type { Warnings } from "../output/warnings.ts";
import type { ApiRequest } from "../request.ts";
import type { Resource } from "../resources/resource.ts";
import type { FieldValidation } from "../verbs/write-options.ts";
import { YamlSyntaxError, yamlToJson } from "../yaml.ts";
import { maxDepth } from "./depth.ts";
import { inOrderOfBody, type StrictError } from "./strict-errors.ts";

const nativeMediaTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const customMediaTypes = ["application/json", "application/yaml"];

/** The kind a body must be of. */
export interface ExpectedKind {
  group: string;
  version: string;
  kind: string;
  custom: boolean;
  decode?: Resource["decode"];
  /** The struct of a kind that is no resource of its own, as a Scale. */
  struct?: string;
}

/** A parsed body, not yet of any kind. */
interface ParsedBody {
  value: KubeObject;
  duplicates: string[];
}

/**
 * Reads the body of a create or an update: JSON, YAML or protobuf, or the object a caller in this process handed
 * over. Gives the kind's canonical object. Throws 400 and 415 Statuses; what strict decoding finds is refused,
 * warned of or passed over as `fieldValidation` says.
 */
export function decodeBody(
  request: ApiRequest,
  expected: ExpectedKind,
  fieldValidation: FieldValidation,
  warnings: Warnings,
): KubeObject {
  const { value, duplicates } = parseBody(request, expected);
  value.apiVersion ||= formatApiVersion(expected.group, expected.version);
  value.kind ||= expected.kind;
  checkKind(value, expected);
  let decoded: { object: KubeObject; unknown: string[] };
  try {
    decoded = decodeValue(value, expected);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw cannotHandle(value, expected, (error as Error).message);
  }
  if (fieldValidation !== "Ignore" && (decoded.unknown.length > 0 || duplicates.length > 0)) {
    const found = inOrderOfBody(value as JsonValue, decoded.unknown, duplicates);
    if (fieldValidation === "Strict") {
      throw cannotHandle(value, expected, `strict decoding error: ${found.map(strictText).join(", ")}`);
    }
    for (const error of found) warnings.add(strictText(error));
  }
  return decoded.object;
}

/** The canonical object of the expected kind, and the unknown fields that were in the value. */
export function decodeValue(value: KubeObject, expected: ExpectedKind): { object: KubeObject; unknown: string[] } {
  if (expected.decode !== undefined) return expected.decode(value);
  const struct = expected.struct ?? nativeTypes().kind(expected.group, expected.version, expected.kind)?.type;
  if (struct === undefined) return { object: value, unknown: [] };
  const { object, unknown } = decodeNative(value, struct);
  const decoded = object as KubeObject;
  // Go keeps an empty list, which resets who manages what.
  const managedFields: unknown = value.metadata?.managedFields;
  if (Array.isArray(managedFields) && managedFields.length === 0) decoded.metadata.managedFields = [];
  return { object: decoded, unknown };
}

function parseBody({ body: given, headers }: ApiRequest, expected: ExpectedKind): ParsedBody {
  if (given !== undefined && !(given instanceof Uint8Array)) return { value: given, duplicates: [] };
  const bytes = given ?? new Uint8Array();
  const mediaType = mediaTypeOf(headers["content-type"]);
  const accepted = expected.custom ? customMediaTypes : nativeMediaTypes;
  if (!accepted.includes(mediaType)) throw status.unsupportedMediaType(accepted);
  if (mediaType === "application/vnd.kubernetes.protobuf") return parseProtobuf(bytes, expected);
  let body: ParsedBody;
  try {
    const text = mediaType === "application/yaml" ? yamlToJson(Buffer.from(bytes).toString("utf8")) : bytes;
    const parsed = parseJson(text, maxDepth);
    // Go reads null as an object without fields.
    const value = parsed.value ?? {};
    checkTypeMeta(value);
    body = { value: value as KubeObject, duplicates: parsed.duplicates };
  } catch (error) {
    const { message } = error as Error;
    const detail =
      error instanceof YamlSyntaxError ? message : `couldn't get version/kind; json parse error: ${message}`;
    throw unrecognized(expected, detail, bytes);
  }
  if (expected.custom) requireTypeMeta(body.value, expected, bytes);
  return body;
}

/** What Go reads apiVersion and kind from. Throws an Error with upstream's text. */
export function requireObject(value: JsonValue): JsonObject {
  if (isJsonObject(value)) return value;
  throw new Error(
    `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
  );
}

/** As Go reads apiVersion and kind, before anything else of the object. */
function checkTypeMeta(body: JsonValue): void {
  const value = requireObject(body);
  for (const field of ["apiVersion", "kind"]) {
    const given = value[field] ?? "";
    if (typeof given === "string") continue;
    const type = isJsonObject(given) ? "object" : jsonTypeName(given);
    throw new Error(`json: cannot unmarshal ${type} into Go struct field .${field} of type string`);
  }
}

/** Nothing is taken for granted of custom resources (k8s.io/apimachinery/pkg/apis/meta/v1/unstructured). */
function requireTypeMeta({ apiVersion, kind }: KubeObject, expected: ExpectedKind, bytes: Uint8Array): void {
  if (kind && apiVersion) return;
  const text = Buffer.from(bytes).toString("utf8");
  const missing = kind ? "apiVersion" : "Kind";
  throw unrecognized(expected, `Object '${missing}' is missing in '${text}'`, bytes);
}

function parseProtobuf(bytes: Uint8Array, expected: ExpectedKind): ParsedBody {
  try {
    const defaults = { apiVersion: formatApiVersion(expected.group, expected.version), kind: expected.kind };
    const { object } = decodeProtobuf(bytes, defaults);
    return { value: object as KubeObject, duplicates: [] };
  } catch (error) {
    throw unrecognized(expected, (error as Error).message, bytes);
  }
}

/** "application/json; charset=utf-8" → "application/json"; nothing is JSON. */
export function mediaTypeOf(contentType: string | undefined): string {
  if (contentType === undefined || contentType === "") return "application/json";
  const semicolon = contentType.indexOf(";");
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

/** The three ways in which a body can be of another kind than its URL. */
function checkKind(value: KubeObject, expected: ExpectedKind): void {
  const { group, version } = parseApiVersion(value.apiVersion);
  if (group === expected.group && version === expected.version && value.kind === expected.kind) return;
  if (
    value.kind === expected.kind &&
    (expected.custom || nativeTypes().kind(group, version, value.kind) !== undefined)
  ) {
    const wanted = formatApiVersion(expected.group, expected.version);
    throw status.badRequest(
      `the API version in the data (${value.apiVersion}) does not match the expected API version (${wanted})`,
    );
  }
  if (nativeTypes().kind(group, version, value.kind) !== undefined && !expected.custom) {
    const from = `${version}.${value.kind}`;
    const to = `${expected.group === "" ? "core" : (expected.group.split(".")[0] ?? "")}.${expected.kind}`;
    throw cannotHandle(value, expected, `converting (${from}) to (${to}): unknown conversion`);
  }
  if (expected.custom && group === expected.group && version === expected.version) {
    const error = fieldError.invalid("kind", value.kind, `must be ${expected.kind}`);
    throw status.invalid({ group, kind: value.kind }, value.metadata?.name ?? "", [error]);
  }
  throw cannotHandle(value, expected, unregisteredText(value));
}

/** Upstream names the line of its own source where the scheme was made; clients have come to expect it. */
export function unregisteredText({ kind = "", apiVersion = "" }: { kind?: string; apiVersion?: string }): string {
  return `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`;
}

function cannotHandle(value: KubeObject, expected: ExpectedKind, detail: string): Error {
  const { version } = parseApiVersion(value.apiVersion);
  return status.badRequest(
    `${value.kind} in version ${JSON.stringify(version)} cannot be handled as a ${expected.kind}: ${detail}`,
  );
}

function unrecognized(expected: ExpectedKind, detail: string, bytes: Uint8Array): Error {
  return status.badRequest(
    `the object provided is unrecognized (must be of type ${expected.kind}): ${detail} (${summary(bytes)})`,
  );
}

const summaryBytes = 30;

/** The beginning of the body: as text if it looks like JSON, else in hex. */
function summary(bytes: Uint8Array): string {
  if (bytes.length === 0) return "<empty>";
  const start = Buffer.from(bytes.subarray(0, summaryBytes));
  return start.toString(bytes[0] === 0x7b ? "utf8" : "hex") + (bytes.length > summaryBytes ? " ..." : "");
}

function strictText({ type, path }: StrictError): string {
  return `${type} field "${path}"`;
}

export function jsonTypeName(value: JsonValue): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return typeof value === "string" ? "string" : value === null ? "null" : "number";
}
