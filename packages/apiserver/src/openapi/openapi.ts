import { createHash } from "node:crypto";
import { stringifyJson } from "@podwright/kube";
import type { ApiResponse } from "../request.ts";
import type { Resource, ResourceRegistry } from "../resources/resource.ts";
import { discoveryDocument, groupVersionDocument } from "./documents.ts";

const root = "/openapi/v3";
/** Goes up when the same resources give another document: clients keep documents by their hash. */
const documentsVersion = 1;
const yearMs = 365 * 24 * 60 * 60 * 1000;

interface Document {
  bytes: Buffer;
  hash: string;
}

/**
 * Serves /openapi/v3: an index, and a document for each group version that clients keep by its hash
 * (k8s.io/kube-openapi/pkg/handler3/handler.go). The index needs the hashes of all, but no client should wait
 * for all documents to be made: the index's hashes say what resources a document is made from. Documents are
 * made when they are first asked for, and made anew when their resources have changed.
 */
export class OpenApi {
  readonly #registry: ResourceRegistry;
  /** Of the resources a document was made from: a change of any other leaves it alone. */
  readonly #documents = new Map<string, { from: string; document: Document }>();
  #paths: { generation: number; resources: Map<string, Resource[]>; index: Document } | undefined;

  constructor(registry: ResourceRegistry) {
    this.#registry = registry;
  }

  /**
   * Answers a GET below /openapi/v3; undefined when there is nothing at the path.
   *
   * @param headers names in lower case; `accept` and `if-none-match` are looked at.
   */
  handle(
    path: string,
    query: URLSearchParams,
    headers: Readonly<Record<string, string | undefined>>,
  ): ApiResponse | undefined {
    if (path !== root && !path.startsWith(`${root}/`)) return undefined;
    if (!acceptsJson(headers["accept"])) return { status: 406, headers: {}, body: { type: "bytes", chunks: [] } };
    const { resources, index } = this.#current();
    const name = path.slice(root.length + 1).replace(/\/$/, "");
    if (name === "") return answer(index, headers, {});
    const served = resources.get(name);
    if (served === undefined) return undefined;

    const hash = this.#hash(name, served);
    const wanted = query.get("hash");
    if (wanted !== null && wanted !== hash) {
      const location = `${root}/${name}?hash=${encodeURIComponent(hash)}`;
      return { status: 301, headers: { location }, body: { type: "bytes", chunks: [] } };
    }
    const caching: Record<string, string> =
      wanted === null
        ? {}
        : { "cache-control": "public, immutable", expires: new Date(Date.now() + yearMs).toUTCString() };
    return answer(this.#document(name, served, hash), headers, caching);
  }

  /** The paths of the documents with the resources in them, and the index of them. */
  #current(): { resources: Map<string, Resource[]>; index: Document } {
    const { generation } = this.#registry;
    if (this.#paths?.generation === generation) return this.#paths;
    const resources = new Map<string, Resource[]>([
      ["api", []],
      ["apis", []],
    ]);
    for (const resource of this.#registry.all()) {
      const name = resource.group === "" ? `api/${resource.version}` : `apis/${resource.group}/${resource.version}`;
      if (resource.group !== "" && !resource.custom) resources.set(`apis/${resource.group}`, []);
      resources.set(name, [...(resources.get(name) ?? []), resource]);
    }
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const name of [...resources.keys()].sort()) {
      const hash = this.#hash(name, resources.get(name) ?? []);
      paths[name] = { serverRelativeURL: `${root}/${name}?hash=${encodeURIComponent(hash)}` };
    }
    for (const name of this.#documents.keys()) if (!resources.has(name)) this.#documents.delete(name);
    const bytes = Buffer.from(JSON.stringify({ paths }));
    this.#paths = { generation, resources, index: { bytes, hash: digest(bytes) } };
    return this.#paths;
  }

  #document(name: string, resources: Resource[], from: string): Document {
    const known = this.#documents.get(name);
    if (known?.from === from) return known.document;
    const [first] = resources;
    const value =
      first === undefined ? discoveryDocument(name) : groupVersionDocument(first.group, first.version, resources);
    const document = { bytes: Buffer.from(stringifyJson(value)), hash: from };
    this.#documents.set(name, { from, document });
    return document;
  }

  /** Tells documents apart by what they are made from, so that an index does not need them made. */
  #hash(name: string, resources: Resource[]): string {
    const parts = resources.map((resource) => [
      resource.plural,
      resource.kind,
      resource.listKind,
      resource.namespaced,
      resource.verbs,
      resource.subresources,
      resource.openApiSchema?.(),
    ]);
    return digest(stringifyJson([documentsVersion, name, parts]));
  }
}

function digest(data: Buffer | string): string {
  return createHash("sha512").update(data).digest("hex").toUpperCase();
}

function answer(
  document: Document,
  headers: Readonly<Record<string, string | undefined>>,
  more: Record<string, string>,
): ApiResponse {
  const etag = `"${document.hash}"`;
  const common = { ...more, etag, vary: "Accept" };
  if (headers["if-none-match"]?.split(/,\s*/).includes(etag)) {
    return { status: 304, headers: common, body: { type: "bytes", chunks: [] } };
  }
  return {
    status: 200,
    headers: { ...common, "content-type": "application/json" },
    body: { type: "bytes", chunks: [document.bytes] },
  };
}

function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept === "") return true;
  return accept.split(",").some((clause) => /^\s*(\*\/\*|application\/(\*|json))\s*(;|$)/.test(clause));
}
