import {
  decodeNative,
  decodeProtobuf,
  type FieldError,
  fieldError,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  nativeTypes,
  parseApiVersion,
  parseJson,
  status,
} from "@podwright/kube";
import { mediaTypeOf, unregisteredText } from "../decoding/body.ts";
import { maxDepth } from "../decoding/depth.ts";
import type { ApiRequest } from "../request.ts";
import { yamlToJson } from "../yaml.ts";
import { parseBoolean, parseInteger } from "./list-options.ts";
import { validateDryRun } from "./write-options.ts";

/** k8s.io/apimachinery/pkg/apis/meta/v1, DeleteOptions. */
export interface DeleteOptions {
  gracePeriodSeconds: number | undefined;
  preconditions: { uid?: string; resourceVersion?: string } | undefined;
  /** Deprecated form of propagationPolicy. */
  orphanDependents: boolean | undefined;
  propagationPolicy: "Orphan" | "Background" | "Foreground" | undefined;
  dryRun: boolean;
  /** As the object that admission sees. */
  object: JsonObject;
}

const mediaTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

/** From the body, else from the query. Throws 400, 415 and 422 Statuses. */
export function parseDeleteOptions(request: ApiRequest): DeleteOptions {
  const given = hasBody(request) ? fromBody(request) : fromQuery(request.query);
  const options: DeleteOptions = {
    gracePeriodSeconds: given["gracePeriodSeconds"] as number | undefined,
    preconditions: given["preconditions"] as DeleteOptions["preconditions"],
    orphanDependents: given["orphanDependents"] as boolean | undefined,
    propagationPolicy: given["propagationPolicy"] as DeleteOptions["propagationPolicy"],
    dryRun: ((given["dryRun"] as JsonValue[] | undefined) ?? []).length > 0,
    object: { ...given, kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1" },
  };
  const errors = validate(options, (given["dryRun"] as string[] | undefined) ?? []);
  if (errors.length > 0) throw status.invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", errors);
  return options;
}

function hasBody({ body }: ApiRequest): boolean {
  return body !== undefined && (!(body instanceof Uint8Array) || body.length > 0);
}

function fromBody({ body, headers }: ApiRequest): JsonObject {
  const mediaType = body instanceof Uint8Array ? mediaTypeOf(headers["content-type"]) : "application/json";
  if (!mediaTypes.includes(mediaType)) throw status.unsupportedMediaType(mediaTypes);
  try {
    const value = parse(body as Uint8Array | JsonObject, mediaType);
    if (!isJsonObject(value)) throw new Error("json: cannot unmarshal a value that is no object");
    const { kind = "DeleteOptions", apiVersion = "v1" } = value as { kind?: string; apiVersion?: string };
    const { version } = parseApiVersion(apiVersion);
    if (kind !== "DeleteOptions" || version === "") throw new Error(unregisteredText({ kind, apiVersion }));
    return decodeNative(value, deleteOptionsStruct()).object;
  } catch (error) {
    throw status.badRequest((error as Error).message);
  }
}

function parse(body: Uint8Array | JsonObject, mediaType: string): JsonValue {
  if (!(body instanceof Uint8Array)) return body;
  if (mediaType === "application/vnd.kubernetes.protobuf") return decodeProtobuf(body).object as JsonValue;
  const text = mediaType === "application/yaml" ? yamlToJson(Buffer.from(body).toString("utf8")) : body;
  return parseJson(text, maxDepth).value ?? {};
}

function deleteOptionsStruct(): string {
  const name = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
  if (nativeTypes().struct(name) === undefined) throw new Error(`the type table has no ${name}`);
  return name;
}

function fromQuery(query: URLSearchParams): JsonObject {
  if (query.size === 0) return {};
  const gracePeriodSeconds = parseInteger(query.get("gracePeriodSeconds"));
  const orphanDependents = parseBoolean(query.get("orphanDependents"));
  const propagationPolicy = query.get("propagationPolicy");
  const dryRun = query.getAll("dryRun");
  return {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(orphanDependents !== undefined && { orphanDependents }),
    ...(propagationPolicy !== null && { propagationPolicy }),
    ...(dryRun.length > 0 && { dryRun }),
  };
}

/** k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go, ValidateDeleteOptions. */
function validate({ orphanDependents, propagationPolicy }: DeleteOptions, dryRun: string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (orphanDependents !== undefined && propagationPolicy !== undefined) {
    errors.push(
      fieldError.invalid(
        "propagationPolicy",
        propagationPolicy,
        "orphanDependents and deletionPropagation cannot be both set",
      ),
    );
  }
  if (propagationPolicy !== undefined && !["Foreground", "Background", "Orphan"].includes(propagationPolicy)) {
    const supported = ["Foreground", "Background", "Orphan", "nil"];
    errors.push(fieldError.notSupported("propagationPolicy", propagationPolicy, supported));
  }
  return [...errors, ...validateDryRun(dryRun)];
}
