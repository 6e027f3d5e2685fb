import type { KubeList, KubeObject } from "@podwright/kube";
import type { Client, RequestOptions } from "./client.ts";
import { isNative } from "./native-group-versions.ts";
import { UnreadableEvent, watchAccept } from "./protobuf-watch.ts";
import {
  type DeleteOptions,
  type ListOptions,
  listQuery,
  queryString,
  type Selection,
  type WatchOptions,
  type WriteOptions,
  watchQuery,
} from "./query.ts";
import { apiVersionOf, type ResourceRef } from "./resources.ts";
import { responseError } from "./response-status.ts";
import type { TransportRequest, WatchEvent } from "./transport.ts";

export type PatchType = "json" | "merge" | "strategic" | "apply";

export interface PatchOptions extends WriteOptions {
  type: PatchType;
  subresource?: string;
  /** With type "apply": take over fields other managers own. */
  force?: boolean;
}

const contentTypes: Record<PatchType, string> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

/** The most items a page of a list has: the chunk size of kubectl and client-go's pager. */
export const defaultPageSize = 500;

/**
 * The verbs of one resource. Objects are what is on the wire, unknown fields and all. Every method throws
 * StatusError when the server refuses and TransportError when no answer came. Objects given are not changed;
 * objects got may be shared with others in the process: copy before changing.
 */
export class ResourceClient<T extends KubeObject = KubeObject> {
  readonly ref: ResourceRef;
  readonly apiVersion: string;
  readonly #client: Client;
  readonly #base: string;
  #watchesProtobuf: boolean;

  constructor(client: Client, ref: ResourceRef) {
    this.#client = client;
    this.ref = ref;
    this.apiVersion = apiVersionOf(ref);
    this.#watchesProtobuf = isNative(this.apiVersion);
    this.#base = ref.group === "" ? `/api/${ref.version}/` : `/apis/${ref.group}/${ref.version}/`;
  }

  get(name: string, namespace?: string, options?: { resourceVersion?: string; signal?: AbortSignal }): Promise<T> {
    const query =
      options?.resourceVersion === undefined ? "" : queryString({ resourceVersion: options.resourceVersion });
    return this.#send("GET", this.#path(name, namespace) + query, undefined, options?.signal);
  }

  /** One page (or, without `limit`, everything). Items get the apiVersion and kind that list items lack on the wire. */
  async list(options: ListOptions = {}): Promise<KubeList<T>> {
    const path = this.#collection(options.namespace) + listQuery(options);
    const list = await this.#send<KubeList<T>>("GET", path, undefined, options.signal);
    return { ...list, items: (list.items ?? []).map((item) => this.#typed(item)) };
  }

  /**
   * Every item, read page by page from one snapshot; the result's resourceVersion is the snapshot's. With `keep` each
   * page's items are replaced by what it gives before the next page is read.
   */
  async listAll({ keep, ...options }: ListOptions & { keep?: (item: T) => T } = {}): Promise<KubeList<T>> {
    const limit = options.limit ?? defaultPageSize;
    const first = await this.list({ ...options, limit });
    let next = first.metadata.continue;
    const { continue: _continue, remainingItemCount: _remaining, ...metadata } = first.metadata;
    const items = keep === undefined ? first.items : first.items.map(keep);
    while (next) {
      const { resourceVersion: _version, resourceVersionMatch: _match, ...rest } = options;
      const page = await this.list({ ...rest, limit, continue: next });
      for (const item of page.items) items.push(keep === undefined ? item : keep(item));
      next = page.metadata.continue;
    }
    return { ...first, metadata, items };
  }

  /** Into the namespace of the object's metadata. */
  create(object: T, options?: WriteOptions): Promise<T> {
    const path = this.#collection(this.#namespaceOf(object)) + this.#writeQuery(options);
    return this.#send("POST", path, object, options?.signal);
  }

  /** Replaces the object; its metadata.resourceVersion, when there, must be the current one (else Conflict). */
  update(object: T, options?: WriteOptions & { subresource?: string }): Promise<T> {
    const path = this.#path(object.metadata.name ?? "", this.#namespaceOf(object), options?.subresource);
    return this.#send("PUT", path + this.#writeQuery(options), object, options?.signal);
  }

  updateStatus(object: T, options?: WriteOptions): Promise<T> {
    return this.update(object, { ...options, subresource: "status" });
  }

  /** "json" takes an array of operations, the others a (partial) object. Only "apply" creates what is not there. */
  patch(name: string, namespace: string | undefined, patch: object, options: PatchOptions): Promise<T> {
    const path = this.#path(name, namespace, options.subresource) + this.#writeQuery(options);
    return this.#client.request<T>("PATCH", path, patch, {
      contentType: contentTypes[options.type],
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }

  /** Gives the object as it is now (being deleted, or gone), or a Status of success. */
  delete(name: string, namespace?: string, options?: DeleteOptions): Promise<KubeObject> {
    return this.#send("DELETE", this.#path(name, namespace), deleteBody(options), options?.signal);
  }

  deleteCollection(options: Selection & DeleteOptions = {}): Promise<KubeObject> {
    const path = this.#collection(options.namespace) + listQuery(selectionOf(options));
    return this.#send("DELETE", path, deleteBody(options), options.signal);
  }

  getSubresource<S = KubeObject>(name: string, namespace: string | undefined, subresource: string): Promise<S> {
    return this.#send("GET", this.#path(name, namespace, subresource));
  }

  /** POST to a subresource: "binding", "eviction", "token". */
  createSubresource<S = KubeObject>(
    name: string,
    namespace: string | undefined,
    subresource: string,
    body: object,
    options?: WriteOptions,
  ): Promise<S> {
    const path = this.#path(name, namespace, subresource) + this.#writeQuery(options);
    return this.#send("POST", path, body, options?.signal);
  }

  /**
   * One watch request's events, ERROR events included; ends when the server ends it. For a watch that goes on
   * whatever happens see {@link ListWatch} and {@link Informer}. Events of native kinds come as protobuf where the
   * server has it; once one cannot be read (a newer server's field, which would be lost) the watch fails, and all
   * later ones of this resource ask for JSON.
   */
  async *watch(options: WatchOptions = {}): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const path = this.#collection(options.namespace) + watchQuery(options);
    const request: RequestOptions = {};
    if (this.#watchesProtobuf) request.headers = { accept: watchAccept };
    if (options.signal !== undefined) request.signal = options.signal;
    const response = await this.#client.rawRequest("GET", path, undefined, request);
    if (response.status >= 400) throw await responseError("GET", path, response);
    try {
      const { held, managedFields = true } = options;
      yield* response.events({ held, managedFields }) as AsyncIterable<WatchEvent<T>>;
    } catch (error) {
      if (error instanceof UnreadableEvent) this.#watchesProtobuf = false;
      throw error;
    }
  }

  #send<R>(method: TransportRequest["method"], path: string, body?: object, signal?: AbortSignal): Promise<R> {
    return this.#client.request<R>(method, path, body, signal === undefined ? undefined : { signal });
  }

  #collection(namespace: string | undefined): string {
    return namespace === undefined || namespace === "" || !this.ref.namespaced
      ? this.#base + this.ref.resource
      : `${this.#base}namespaces/${segment(namespace)}/${this.ref.resource}`;
  }

  #path(name: string, namespace: string | undefined, subresource?: string): string {
    // An empty name would turn the request into one for all objects: a delete of everything.
    if (name === "") throw new TypeError(`${this.ref.resource}: an object's name is needed`);
    if (this.ref.namespaced && !namespace) {
      throw new TypeError(`${this.ref.resource} "${name}": a namespace is needed`);
    }
    const path = `${this.#collection(namespace)}/${segment(name)}`;
    return subresource === undefined ? path : `${path}/${subresource}`;
  }

  #namespaceOf(object: T): string | undefined {
    if (!this.ref.namespaced) return undefined;
    const namespace = object.metadata.namespace;
    if (!namespace) {
      throw new TypeError(`${this.ref.resource} "${object.metadata.name ?? ""}": metadata.namespace is needed`);
    }
    return namespace;
  }

  #writeQuery(options: (WriteOptions & { force?: boolean }) | undefined): string {
    const fieldManager = options?.fieldManager ?? this.#client.fieldManager;
    if (options === undefined && fieldManager === undefined) return "";
    return queryString({
      dryRun: options?.dryRun ? "All" : undefined,
      fieldManager,
      fieldValidation: options?.fieldValidation,
      force: options?.force,
    });
  }

  #typed(item: T): T {
    return item.kind === undefined || item.apiVersion === undefined
      ? { ...item, apiVersion: this.apiVersion, kind: this.ref.kind }
      : item;
  }
}

// Names of most objects are safe in a path as they are; RBAC's and Lease names may hold others.
function segment(name: string): string {
  return /^[a-z0-9.-]+$/.test(name) ? name : encodeURIComponent(name);
}

function selectionOf(options: Selection): Selection {
  return {
    ...(options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector }),
    ...(options.fieldSelector === undefined ? {} : { fieldSelector: options.fieldSelector }),
  };
}

function deleteBody(options: DeleteOptions | undefined): object | undefined {
  if (options === undefined) return undefined;
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun } = options;
  return {
    kind: "DeleteOptions",
    apiVersion: "v1",
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(preconditions === undefined ? {} : { preconditions }),
    ...(dryRun ? { dryRun: ["All"] } : {}),
  };
}
