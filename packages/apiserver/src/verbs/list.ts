import { formatApiVersion, type KubeObject, status } from "@podwright/kube";
import type { ProtobufList } from "@podwright/kube/encode";
import { keyPrefix, type ResourceRequest, type ServerParts } from "../context.ts";
import { joinItems } from "../output/list-body.ts";
import type { OutputFormat } from "../output/negotiation.ts";
import { encoded, parseStored, protobufResponse } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import { fromStorage } from "../resources/conversion.ts";
import { CompactedError, FutureRevisionError, type ListPage, type StoredObject } from "../storage/storage.ts";
import { type ListMetadata, partialMismatch, partialObjectMetadata, tableOf } from "../table/table.ts";
import { decodeContinue, encodeContinue } from "./continue-token.ts";
import { type ListOptions, parseRevision } from "./list-options.ts";
import { invalidRevision, waitForRevision } from "./revision.ts";
import { type Selection, selectionOf } from "./selection.ts";

/** GET of a collection: one page, read at one revision. Nothing is parsed unless the client wants another form. */
export async function listObjects(
  parts: ServerParts,
  request: ResourceRequest,
  options: ListOptions,
): Promise<ApiResponse> {
  return pageResponse(parts, request, await listPage(parts, request, options));
}

/** The answer with a page, in the form the client wants. */
export async function pageResponse(
  parts: ServerParts,
  request: ResourceRequest,
  page: ListedPage,
): Promise<ApiResponse> {
  const { resource, output } = request;
  // Upstream's lists of custom resources always have the field.
  const metadata = resource.custom ? { continue: "", ...page.metadata } : page.metadata;
  if (output.as === undefined && !output.pretty && output.mediaType === "application/json" && !resource.conversion) {
    return {
      status: 200,
      headers: { "Content-Type": "application/json", "Cache-Control": "no-cache, private" },
      body: { type: "bytes", chunks: joinItems(resource, metadata, page.items) },
    };
  }
  // Objects of kinds that are not converted are parsed one after the other, each when it is written.
  const objects = resource.conversion && (await fromStorage(resource, page.items.map(parsedItem)));
  const objectAt = (index: number): KubeObject => objects?.[index] ?? parsedItem(page.items[index] as StoredObject);
  const as = output.as;
  if (as?.kind === "Table") {
    const table = tableOf(
      resource,
      page.items.map((_, index) => objectAt(index)),
      {
        version: as.version,
        now: parts.clock.now(),
        query: request.request.query,
        metadata: page.metadata,
      },
    );
    return encoded(200, table, output);
  }
  if (as !== undefined) {
    if (as.kind !== "PartialObjectMetadataList") throw partialMismatch(resource, as.kind);
    const apiVersion = formatApiVersion("meta.k8s.io", as.version);
    return encodedList(output, { kind: as.kind, apiVersion }, page.metadata, page.items, (index) =>
      partialObjectMetadata(objectAt(index), as.version),
    );
  }
  const apiVersion = formatApiVersion(resource.group, resource.version);
  return encodedList(output, { kind: resource.listKind, apiVersion }, metadata, page.items, (index) =>
    resource.custom || output.protobuf ? objectAt(index) : withoutTypeMeta(objectAt(index)),
  );
}

function parsedItem({ value }: StoredObject): KubeObject {
  return parseStored(value);
}

/** Go's typed lists leave it out. */
function withoutTypeMeta({ kind: _kind, apiVersion: _apiVersion, ...rest }: KubeObject): object {
  return rest;
}

function encodedList(
  output: OutputFormat,
  type: { kind: string; apiVersion: string },
  metadata: ListMetadata,
  stored: readonly StoredObject[],
  item: (index: number) => object,
): ApiResponse | Promise<ApiResponse> {
  if (output.protobuf === undefined) {
    return encoded(200, { ...type, metadata, items: stored.map((_, index) => item(index)) }, output);
  }
  let estimatedBytes = 0;
  for (const { value } of stored) estimatedBytes += value.length;
  const list = { type, metadata, length: stored.length, item, estimatedBytes } as ProtobufList;
  return output.protobuf.list(list).then((pieces) => protobufResponse(200, pieces));
}

export interface ListedPage {
  items: StoredObject[];
  metadata: ListMetadata;
}

/** Reads the page that the options ask for. Throws 400, 410 and 504 Statuses. */
export async function listPage(
  parts: Pick<ServerParts, "storage">,
  request: ResourceRequest,
  options: ListOptions,
): Promise<ListedPage> {
  const { storage } = parts;
  const selection = selectionOf(request, options);
  const prefix = keyPrefix(request.resource, request.namespace);
  const at = await readRevision(parts, options);
  let page: ListPage;
  try {
    page = readPage(parts, selection, options, prefix, at);
  } catch (error) {
    if (error instanceof FutureRevisionError) {
      await waitForRevision(storage, at.revision ?? 0);
      page = readPage(parts, selection, options, prefix, at);
    } else if (error instanceof CompactedError) {
      throw expired(options, at.start, storage.revision);
    } else {
      throw error;
    }
  }
  return { items: page.items, metadata: listMetadata(page, selection, prefix) };
}

interface ReadPoint {
  /** Undefined: the newest. */
  revision: number | undefined;
  /** Without the prefix; undefined: from the beginning. */
  start: string | undefined;
}

/** What revision to read, by resourceVersion, its match rule and the token (k8s.io/apiserver/pkg/storage/etcd3/store.go). */
async function readRevision({ storage }: Pick<ServerParts, "storage">, options: ListOptions): Promise<ReadPoint> {
  const version = options.resourceVersion;
  if (options.continue !== "") {
    const token = decodeContinue(options.continue);
    if (version !== "" && version !== "0") {
      throw status.badRequest("specifying resource version is not allowed when using continue");
    }
    return { revision: token.revision < 0 ? undefined : token.revision, start: token.start };
  }
  if (version === "" || version === "0") return { revision: undefined, start: undefined };
  const revision = parseRevision(version);
  if (revision === undefined) throw invalidRevision(version);
  await waitForRevision(storage, revision);
  const exact = options.resourceVersionMatch === "Exact" || (options.resourceVersionMatch === "" && options.limit > 0);
  return { revision: exact ? revision : undefined, start: undefined };
}

function readPage(
  { storage }: Pick<ServerParts, "storage">,
  selection: Selection,
  options: ListOptions,
  prefix: string,
  at: ReadPoint,
): ListPage {
  if (selection.key !== undefined) {
    const revision = at.revision ?? storage.revision;
    const object = at.start === undefined ? storage.get(selection.key, at.revision) : undefined;
    const items = object !== undefined && (selection.matches?.(object) ?? true) ? [object] : [];
    return { items, revision, remaining: 0 };
  }
  return storage.list({
    prefix: selection.prefix,
    ...(at.start !== undefined && { start: prefix + at.start }),
    ...(options.limit > 0 && { limit: options.limit }),
    ...(at.revision !== undefined && { revision: at.revision }),
    ...(selection.matches && { matches: selection.matches }),
  });
}

function listMetadata(page: ListPage, selection: Selection, prefix: string): ListMetadata {
  const metadata: ListMetadata = { resourceVersion: String(page.revision) };
  const last = page.items.at(-1);
  if (page.next !== undefined && last !== undefined) {
    metadata.continue = encodeContinue(page.revision, last.key.slice(prefix.length));
    // With selectors nobody knows how many will match.
    if (selection.matches === undefined && page.remaining > 0) metadata.remainingItemCount = page.remaining;
  }
  return metadata;
}

/** 410 with a token to go on from the same key with what is there now (etcd3/errors.go, handleCompactedErrorForPaging). */
function expired(options: ListOptions, start: string | undefined, _revision: number): Error {
  if (options.continue === "" || start === undefined) {
    return status.resourceExpired("The resourceVersion for the provided list is too old.");
  }
  const lastKey = start.endsWith("\u0000") ? start.slice(0, -1) : start;
  return status.resourceExpired(
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    encodeContinue(-1, lastKey),
  );
}
