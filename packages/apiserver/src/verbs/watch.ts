import { decodeNative, formatApiVersion, type KubeObject, nativeTypes, status } from "@podwright/kube";
import { keyPrefix, type ResourceRequest, type ServerParts } from "../context.ts";
import { protobufMediaType, streamMediaTypes } from "../output/negotiation.ts";
import { plainError } from "../output/plain-error.ts";
import type { ApiResponse } from "../request.ts";
import type { Resource } from "../resources/resource.ts";
import { includeObject, partialObjectMetadata, tableOf } from "../table/table.ts";
import { ConvertedWatch } from "../watch/converted-watch.ts";
import type { WatchTransform } from "../watch/frame.ts";
import type { EmptyObject } from "../watch/watch.ts";
import { type ListOptions, parseRevision } from "./list-options.ts";
import { waitForRevision } from "./revision.ts";
import { selectionOf } from "./selection.ts";

/** A watch that names no time-out ends after 30 to 60 minutes (k8s.io/apiserver/pkg/server/config.go, MinRequestTimeout). */
const minTimeoutMs = 30 * 60_000;

/** GET with watch=1, of a collection or of one name: events until the client goes or the time is up. */
export async function watchObjects(
  parts: ServerParts,
  request: ResourceRequest,
  options: ListOptions,
): Promise<ApiResponse> {
  const { resource, namespace, output } = request;
  const { protobuf } = output;
  if (output.mediaType === "application/yaml") throw status.notAcceptable(streamMediaTypes);
  const selection = selectionOf(request, options);
  const sendInitialEvents = options.sendInitialEvents === true;
  const afterRevision = await startRevision(parts, options, sendInitialEvents);
  const transform = transformOf(parts, request);
  const { conversion } = resource;
  const { signal } = request.request;
  const webhook = conversion?.by === "webhook" ? conversion : undefined;
  const watch = parts.watches.watch({
    prefix: keyPrefix(resource, namespace),
    ...(selection.key !== undefined && { key: selection.key }),
    ...(selection.matches && { matches: selection.matches }),
    ...(afterRevision !== undefined && { afterRevision }),
    sendInitialEvents,
    initialEventsEnd: sendInitialEvents && options.allowWatchBookmarks,
    allowBookmarks: options.allowWatchBookmarks,
    timeoutMs: options.timeoutSeconds ? options.timeoutSeconds * 1000 : minTimeoutMs * (1 + Math.random()),
    signal,
    bookmark: emptyObject(resource),
    // What a webhook converts is transformed when it has come.
    ...(transform && webhook === undefined && { transform }),
  });
  const frames =
    webhook === undefined
      ? watch
      : new ConvertedWatch(watch, { convert: (object) => webhook.shared(object), transform, signal });
  return {
    status: 200,
    headers: {
      "Content-Type": protobuf === undefined ? "application/json" : `${protobufMediaType};stream=watch`,
      "Cache-Control": "no-cache, private",
    },
    body: { type: "watch", frames, ...(protobuf && { protobuf }) },
  };
}

/** Undefined: from now on. */
async function startRevision(
  parts: ServerParts,
  { resourceVersion }: ListOptions,
  sendInitialEvents: boolean,
): Promise<number | undefined> {
  if (resourceVersion === "" || resourceVersion === "0") return undefined;
  const revision = parseRevision(resourceVersion);
  if (revision === undefined) {
    const text = JSON.stringify(resourceVersion);
    throw plainError(`resourceVersion: Invalid value: ${text}: strconv.ParseUint: parsing ${text}: invalid syntax`);
  }
  if (!sendInitialEvents) return revision;
  await waitForRevision(parts.storage, revision);
  return undefined;
}

function transformOf(parts: ServerParts, { resource, output, request }: ResourceRequest): WatchTransform | undefined {
  const { as } = output;
  if (as === undefined) {
    const { conversion } = resource;
    if (conversion?.by !== "server") return undefined;
    const name = `version ${resource.group}/${resource.version}/${resource.plural}`;
    return { name, apply: (object) => (isBookmark(object) ? object : conversion.fromStorage(object)) };
  }
  const convert = (object: KubeObject): KubeObject =>
    resource.conversion?.by !== "server" || isBookmark(object) ? object : resource.conversion.fromStorage(object);
  const name = `${as.kind} ${as.version} of ${resource.group}/${resource.version}/${resource.plural}`;
  if (as.kind !== "Table") {
    return { name, apply: (object) => partialObjectMetadata(convert(object), as.version) };
  }
  const include = includeObject(request.query);
  return {
    name: `${name} with ${include}`,
    apply: (object, first) =>
      tableOf(isBookmark(object) ? withEmptyCells(resource) : resource, [convert(object)], {
        version: as.version,
        now: parts.clock.now(),
        query: request.query,
        metadata: object.metadata.resourceVersion ? { resourceVersion: object.metadata.resourceVersion } : {},
        noHeaders: !first,
      }) as unknown as KubeObject,
  };
}

/** Go writes fields of some kinds also when nobody set them. */
function emptyObject({ group, version, kind, custom }: Resource): EmptyObject {
  const object = { kind, apiVersion: formatApiVersion(group, version) };
  const struct = custom ? undefined : nativeTypes().structOfKind(group, version, kind);
  return struct === undefined ? object : (decodeNative(object, struct.name).object as unknown as EmptyObject);
}

/** A bookmark is an object of the kind with nothing but a resourceVersion. */
function isBookmark(object: KubeObject): boolean {
  return object.metadata.uid === undefined && object.metadata.name === undefined;
}

function withEmptyCells(resource: Resource): Resource {
  return { ...resource, table: { columns: resource.table.columns, cells: () => resource.table.columns.map(() => "") } };
}
