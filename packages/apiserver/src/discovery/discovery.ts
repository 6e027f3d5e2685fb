import { createHash } from "node:crypto";
import { type JsonObject, status } from "@podwright/kube";
import type { Negotiator, OutputFormat } from "../output/negotiation.ts";
import { encoded } from "../output/response.ts";
import type { ApiRequest, ApiResponse } from "../request.ts";
import type { ResourceRegistry } from "../resources/resource.ts";
import type { PathHandler } from "../server.ts";
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from "./documents.ts";
import { type Group, groupsOf } from "./groups.ts";

const aggregatedGroup = "apidiscovery.k8s.io";
const aggregatedVersion = "v2";
const aggregatedKind = "APIGroupDiscoveryList";

interface AggregatedDocument {
  document: object;
  /** As JSON. */
  body: Buffer;
  /** With its quotes. */
  etag: string;
}

/** Serves /, /api, /apis and what is below them, rebuilt when resources come and go. */
export function createDiscovery(registry: ResourceRegistry, negotiator: Negotiator): PathHandler {
  let generation = -1;
  let groups: Group[] = [];
  /** Of the core group, and of all others. */
  let documents = new Map<boolean, AggregatedDocument>();

  function refresh(): void {
    if (generation === registry.generation) return;
    generation = registry.generation;
    groups = groupsOf(registry.all());
    documents = new Map();
  }

  function aggregated(core: boolean): AggregatedDocument {
    let document = documents.get(core);
    if (document === undefined) {
      const selected = groups.filter(({ name }) => (name === "") === core);
      const made = aggregatedDiscovery(selected);
      const body = Buffer.from(`${JSON.stringify(made)}\n`);
      document = { document: made, body, etag: `"${createHash("sha512").update(body).digest("hex").toUpperCase()}"` };
      documents.set(core, document);
    }
    return document;
  }

  return async (request) => {
    const path = request.path.endsWith("/") ? request.path.slice(0, -1) : request.path;
    if (path !== "" && path !== "/api" && path !== "/apis" && !/^\/api(s\/[^/]+)?(\/[^/]+)?$/.test(path))
      return undefined;
    if (request.method !== "GET") throw status.generic(405);
    refresh();
    const atRoot = path === "/api" || path === "/apis";
    const format = negotiator.negotiate(request.headers, request.query, {
      allows: ({ kind, group, version }) =>
        atRoot && group === aggregatedGroup && kind === aggregatedKind && version === aggregatedVersion,
      // Groups are the aggregator's: k8s.io/kube-aggregator/pkg/apiserver/handler_apis.go.
      isUnrouted: /^\/apis(\/[^/]+)?$/.test(path),
    });
    // The list of paths is no object, and JSON for everybody.
    const output: OutputFormat =
      path === "" ? { ...format, mediaType: "application/json" } : await negotiator.withEncoder(format);
    if (output.as !== undefined) return conditional(request, aggregated(path === "/api"), output);
    const document = plainDocument(path, groups, request);
    return document && encoded(200, document, output);
  };
}

/** Undefined when there is no such group. Throws 404 when the group has no such version. */
function plainDocument(path: string, groups: readonly Group[], { headers }: ApiRequest): object | undefined {
  const [, root, first, second] = path.split("/");
  if (path === "") return { paths: rootPaths(groups) };
  if (path === "/api") return apiVersions(headers["host"] ?? "");
  if (path === "/apis") return apiGroupList(groups);
  const groupName = root === "api" ? "" : (first as string);
  const version = root === "api" ? first : second;
  const group = groups.find(({ name }) => name === groupName && (name !== "" || root === "api"));
  if (group === undefined) return undefined;
  if (version === undefined) return apiGroup(group);
  const groupVersion = group.versions.find((candidate) => candidate.version === version);
  if (groupVersion === undefined) throw status.pathNotFound();
  return apiResourceList(groupName, groupVersion);
}

function rootPaths(groups: readonly Group[]): string[] {
  const paths = ["/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"];
  for (const { name, versions } of groups) {
    const root = name === "" ? "/api" : `/apis/${name}`;
    if (name !== "") paths.push(root);
    for (const { version } of versions) paths.push(`${root}/${version}`);
  }
  return paths.sort();
}

/** The aggregated document, or 304 when the client has it (k8s.io/apiserver/pkg/endpoints/discovery/aggregated/etag.go). */
function conditional(
  { headers }: ApiRequest,
  { document, body, etag }: AggregatedDocument,
  { mediaType, protobuf }: OutputFormat,
): ApiResponse {
  const common = { ETag: etag, Vary: "Accept", "Cache-Control": "public" };
  if (headers["if-none-match"] === etag) return { status: 304, headers: common, body: { type: "bytes", chunks: [] } };
  const contentType = `${mediaType};g=${aggregatedGroup};v=${aggregatedVersion};as=${aggregatedKind}`;
  const bytes = protobuf === undefined ? body : protobuf.encode(document as JsonObject);
  return { status: 200, headers: { "Content-Type": contentType, ...common }, body: { type: "bytes", chunks: [bytes] } };
}
