/**
 * What a path names, read as upstream reads it (k8s.io/apiserver/pkg/endpoints/request/requestinfo.go):
 * /api/v1/… for core, /apis/GROUP/VERSION/… for the rest, then [watch/] [namespaces/NS/] RESOURCE [/NAME [/SUBRESOURCE]].
 */
export type Route = ResourceRoute | PathRoute;

export interface ResourceRoute {
  type: "resource";
  /** "" for core. */
  group: string;
  version: string;
  /** The plural. */
  resource: string;
  /** "" for all namespaces, and for cluster-scoped resources. */
  namespace: string;
  /** "" for the collection. */
  name: string;
  /** "" for the main resource. */
  subresource: string;
  /** What follows the subresource, as of a proxy. "" when there is nothing. */
  subpath: string;
  /** The deprecated /watch/ prefix was used. */
  watchPrefix: boolean;
}

/** Discovery, health, OpenAPI and whatever else is no resource. */
export interface PathRoute {
  type: "path";
  path: string;
}

/** `path` is still percent-encoded. */
export function parseRoute(path: string): Route {
  let start: number;
  let group = "";
  if (path.startsWith("/api/")) {
    start = 5;
  } else if (path.startsWith("/apis/")) {
    const end = path.indexOf("/", 6);
    if (end < 0) return { type: "path", path };
    group = path.slice(6, end);
    start = end + 1;
  } else {
    return { type: "path", path };
  }
  const segments = path.slice(start).split("/");
  while (segments.length > 0 && segments.at(-1) === "") segments.pop();
  if (segments.length < 2) return { type: "path", path };
  const version = segments[0] as string;
  let index = 1;
  let watchPrefix = false;
  if (segments[index] === "watch" && segments.length > index + 1) {
    watchPrefix = true;
    index++;
  }
  let namespace = "";
  // "namespaces/x", "namespaces/x/status" and "namespaces/x/finalize" are the Namespace itself.
  if (segments[index] === "namespaces" && group === "" && segments.length > index + 1) {
    const after = segments[index + 2];
    if (after !== undefined && !(segments.length === index + 3 && isNamespaceSubresource(after))) {
      namespace = decodeSegment(segments[index + 1] as string);
      index += 2;
    }
  } else if (segments[index] === "namespaces" && segments.length > index + 2) {
    namespace = decodeSegment(segments[index + 1] as string);
    index += 2;
  }
  const resource = segments[index] as string;
  const name = segments[index + 1];
  const subresource = segments[index + 2] ?? "";
  const subpath = segments.length > index + 3 ? segments.slice(index + 3).join("/") : "";
  if (resource === "namespaces" && group === "" && name !== undefined) namespace = decodeSegment(name);
  return {
    type: "resource",
    group,
    version,
    resource,
    namespace,
    name: name === undefined ? "" : decodeSegment(name),
    subresource,
    subpath,
    watchPrefix,
  };
}

function isNamespaceSubresource(segment: string): boolean {
  return segment === "status" || segment === "finalize";
}

function decodeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    // Bytes that are no UTF-8: they name nothing that could be there.
    const bytes = segment.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return Buffer.from(bytes, "latin1").toString("utf8");
  }
}
