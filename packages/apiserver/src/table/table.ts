import { formatApiVersion, type KubeObject, StatusError, status } from "@podwright/kube";
import type { Cell, Resource } from "../resources/resource.ts";

/** What "as=Table" and "as=PartialObjectMetadata" may be asked in. */
export const metaGroup = "meta.k8s.io";
export const metaVersions: readonly string[] = ["v1", "v1beta1"];

export interface Table {
  kind: "Table";
  apiVersion: string;
  metadata: ListMetadata;
  columnDefinitions: TableColumn[] | null;
  rows: TableRow[];
}

export interface ListMetadata {
  resourceVersion?: string;
  continue?: string;
  remainingItemCount?: number;
}

interface TableColumn {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

interface TableRow {
  cells: Cell[];
  object?: object | null;
}

export interface TableOptions {
  version: string;
  /** Milliseconds since 1970, for ages. */
  now: number;
  query: URLSearchParams;
  metadata: ListMetadata;
  /** Watches repeat the column definitions in no event but the first. */
  noHeaders?: boolean;
}

/** Objects as kubectl prints them (k8s.io/apiserver/pkg/endpoints/handlers/response.go, asTable). */
export function tableOf(resource: Resource, objects: readonly KubeObject[], options: TableOptions): Table {
  const include = includeObject(options.query);
  const apiVersion = formatApiVersion(metaGroup, options.version);
  return {
    kind: "Table",
    apiVersion,
    metadata: options.metadata,
    columnDefinitions: options.noHeaders
      ? null
      : resource.table.columns.map(({ name, type, format, description, priority }) => ({
          name,
          type,
          format,
          description,
          priority,
        })),
    rows: objects.map((object) => ({
      cells: resource.table.cells(object, options.now),
      object: rowObject(object, include, options.version),
    })),
  };
}

/** `includeObject` of the query. Throws 400 for what it cannot be. */
export function includeObject(query: URLSearchParams): "None" | "Metadata" | "Object" {
  const value = query.get("includeObject") ?? "";
  if (value === "" || value === "Metadata") return "Metadata";
  if (value === "None" || value === "Object") return value;
  throw status.badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

/** The end of the initial events is marked on the object, which is shown whatever was asked for. */
const initialEventsEnd = "k8s.io/initial-events-end";

function rowObject(object: KubeObject, include: "None" | "Metadata" | "Object", version: string): object | null {
  if (include === "Object") return object;
  if (include === "None" && object.metadata.annotations?.[initialEventsEnd] === undefined) return null;
  return partialObjectMetadata(object, version);
}

/** 406 for the metadata of one object asked of a list, and the other way round (handlers/response.go). */
export function partialMismatch(resource: Resource, asked: string): StatusError {
  const name = resource.custom
    ? "unstructured.Unstructured"
    : `${resource.group.split(".")[0] || "core"}.${resource.kind}`;
  const what = asked === "PartialObjectMetadata" ? `is a list (*${name}List)` : `is not a list (*${name})`;
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `you requested ${asked}, but the requested object ${what}`,
    reason: "NotAcceptable",
    code: 406,
  });
}

/** Only the object's metadata. */
export function partialObjectMetadata(object: KubeObject, version: string): KubeObject {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: formatApiVersion(metaGroup, version),
    metadata: object.metadata,
  };
}
