import { createHash } from "node:crypto";
import { status } from "@podwright/kube";
import type { Negotiator, OutputFormat } from "../output/negotiation.ts";
import { encoded } from "../output/response.ts";
import type { ApiRequest, ApiResponse } from "../request.ts";
import type { ResourceRegistry } from "../resources/resource.ts";
import type { PathHandler } from "../server.ts";
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from "./documents.ts";
import { type Group, groupsOf } from "./groups.ts";

const aggregatedGroup = "apidiscovery.k8s.io";
const aggregatedKind = "APIGroupDiscoveryList";

interface AggregatedDocument {
  body: Buffer;
  /** With its quotes. */
  etag: string;
}

/** Serves /, /api, /apis and what is below them, rebuilt when resources come and go. */
export function createDiscovery(registry: ResourceRegistry, negotiator: Negotiator): PathHandler {
  let generation = -1;
  let groups: Group[] = [];
  let documents = new Map<string, AggregatedDocument>();

  function refresh(): void {
    if (generation === registry.generation) return;
    generation = registry.generation;
    groups = groupsOf(registry.all());
    documents = new Map();
  }

  function aggregated(core: boolean, version: string): AggregatedDocument {
    const key = `${core} ${version}`;
    let document = documents.get(key);
    if (document === undefined) {
      const selected = groups.filter(({ name }) => (name === "") === core);
      const body = Buffer.from(`${JSON.stringify(aggregatedDiscovery(selected, version))}\n`);
      document = { body, etag: `"${createHash("sha512").update(body).digest("hex").toUpperCase()}"` };
      documents.set(key, document);
    }
    return document;
  }

  return (request) => {
    const path = request.path.endsWith("/") ? request.path.slice(0, -1) : request.path;
    if (path !== "" && path !== "/api" && path !== "/apis" && !/^\/api(s\/[^/]+)?(\/[^/]+)?$/.test(path))
      return undefined;
    if (request.method !== "GET") throw status.generic(405);
    refresh();
    const atRoot = path === "/api" || path === "/apis";
    const output = negotiator.negotiate(
      request.headers,
      request.query,
      ({ kind, group, version }) =>
        atRoot && group === aggregatedGroup && kind === aggregatedKind && (version === "v2" || version === "v2beta1"),
    );
    if (output.as !== undefined) return conditional(request, aggregated(path === "/api", output.as.version), output);
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
function conditional({ headers }: ApiRequest, { body, etag }: AggregatedDocument, { as }: OutputFormat): ApiResponse {
  const common = { ETag: etag, Vary: "Accept", "Cache-Control": "public" };
  if (headers["if-none-match"] === etag) return { status: 304, headers: common, body: { type: "bytes", chunks: [] } };
  const contentType = `application/json;g=${aggregatedGroup};v=${as?.version};as=${aggregatedKind}`;
  return { status: 200, headers: { "Content-Type": contentType, ...common }, body: { type: "bytes", chunks: [body] } };
}
