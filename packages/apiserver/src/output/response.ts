import {
  type JsonObject,
  type KubeObject,
  parseJson,
  type Status,
  type StatusError,
  stringifyJson,
} from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import type { ApiResponse } from "../request.ts";
import { fromStorage } from "../resources/conversion.ts";
import type { Resource } from "../resources/resource.ts";
import { partialMismatch, partialObjectMetadata, tableOf } from "../table/table.ts";
import { encodeYaml } from "../yaml.ts";
import { type OutputFormat, protobufMediaType } from "./negotiation.ts";

const plainJson: OutputFormat = { mediaType: "application/json", pretty: false };
const jsonHeaders = { "Content-Type": "application/json", "Cache-Control": "no-cache, private" };

/** An answer with an object as it is stored: its bytes, unless the client wants another form. */
export function storedObjectResponse(
  parts: ServerParts,
  request: ResourceRequest,
  code: number,
  value: Buffer,
): ApiResponse | Promise<ApiResponse> {
  const { output, resource } = request;
  if (
    output.as === undefined &&
    resource.conversion === undefined &&
    !output.pretty &&
    output.mediaType === "application/json"
  ) {
    return { status: code, headers: { ...jsonHeaders }, body: { type: "bytes", chunks: [value, "\n"] } };
  }
  const object = fromStored(resource, value);
  return object instanceof Promise
    ? object.then((converted) => objectResponse(parts, request, code, converted))
    : objectResponse(parts, request, code, object);
}

/** An answer with an object in the request's version, in the form the client wants. */
export function objectResponse(
  parts: ServerParts,
  { output, resource, request }: ResourceRequest,
  code: number,
  object: KubeObject,
): ApiResponse {
  return encoded(code, transform(parts, output, resource, request.query, object), output);
}

function transform(
  parts: ServerParts,
  output: OutputFormat,
  resource: Resource,
  query: URLSearchParams,
  object: KubeObject,
): object {
  if (output.as === undefined || object.kind === "Status") return object;
  if (output.as.kind === "Table") {
    return tableOf(resource, [object], {
      version: output.as.version,
      now: parts.clock.now(),
      query,
      metadata: object.metadata.resourceVersion ? { resourceVersion: object.metadata.resourceVersion } : {},
    });
  }
  if (output.as.kind !== "PartialObjectMetadata") throw partialMismatch(resource, output.as.kind);
  return partialObjectMetadata(object, output.as.version);
}

/** A JSON value as the body. */
export function encoded(code: number, value: object, output: OutputFormat): ApiResponse {
  if (output.protobuf !== undefined) return protobufResponse(code, [output.protobuf.encode(value as JsonObject)]);
  if (output.mediaType === "application/yaml") {
    return {
      status: code,
      headers: { ...jsonHeaders, "Content-Type": "application/yaml" },
      body: { type: "bytes", chunks: [encodeYaml(value)] },
    };
  }
  const text = output.pretty
    ? `${JSON.stringify(value, bigintAsNumber, 2)}`
    : `${stringifyJson(value as KubeObject)}\n`;
  return { status: code, headers: { ...jsonHeaders }, body: { type: "bytes", chunks: [text] } };
}

/** An answer that is written already. */
export function protobufResponse(code: number, chunks: Buffer[]): ApiResponse {
  const headers = { ...jsonHeaders, "Content-Type": protobufMediaType };
  return { status: code, headers, body: { type: "bytes", chunks } };
}

function bigintAsNumber(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? (JSON as unknown as RawJson).rawJSON(value.toString()) : value;
}

/** In every Node that runs this, not yet in TypeScript's library. */
interface RawJson {
  rawJSON(text: string): unknown;
}

/** A failure's answer. */
export function errorResponse(error: StatusError, output: OutputFormat = plainJson): ApiResponse {
  const code = error.code;
  const response = encoded(code, error.status, output);
  const retryAfter = error.status.details?.retryAfterSeconds;
  if (retryAfter !== undefined) response.headers["Retry-After"] = String(retryAfter);
  if (code === 403) response.headers["X-Content-Type-Options"] = "nosniff";
  return response;
}

/** A Status that is an answer of its own, as deletions have. */
export function statusResponse(status: Status, output: OutputFormat, code: number): ApiResponse {
  return encoded(code, status, output);
}

/**
 * Parses stored bytes and converts them to the resource's version: at once, unless a webhook converts. The object is the
 * caller's own.
 */
export function fromStored(resource: Resource, value: Buffer): KubeObject | Promise<KubeObject> {
  const object = parseStored(value);
  if (resource.conversion === undefined) return object;
  const converted = fromStorage(resource, [object]);
  return converted instanceof Promise
    ? converted.then((objects) => objects[0] as KubeObject)
    : (converted[0] as KubeObject);
}

/** Parses stored bytes: written by this server, so there is nothing to check in them. */
export function parseStored(value: Buffer): KubeObject {
  const text = value.toString("utf8");
  return hasLongNumber.test(text) ? (parseJson(text).value as KubeObject) : (JSON.parse(text) as KubeObject);
}

/** Numbers that may not survive JSON.parse (also hits digits in strings, which costs time only). */
const hasLongNumber = /[:,[]-?\d{16}/;
