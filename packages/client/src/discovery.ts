import type { Client } from "./client.ts";
import type { ResourceRef } from "./resources.ts";

/** The server serves no such kind. */
export class NoMatchError extends Error {
  readonly apiVersion: string;
  readonly kind: string;
  constructor(apiVersion: string, kind: string) {
    super(`no matches for kind "${kind}" in version "${apiVersion}"`);
    this.name = "NoMatchError";
    this.apiVersion = apiVersion;
    this.kind = kind;
  }
}

interface AggregatedGroup {
  metadata?: { name?: string };
  versions?: { version: string; resources?: AggregatedResource[] }[];
}
interface AggregatedResource {
  resource: string;
  scope?: string;
  responseKind?: { group?: string; version?: string; kind?: string };
}
interface GroupList {
  kind?: string;
  items?: AggregatedGroup[];
  groups?: { versions?: { groupVersion: string }[] }[];
  versions?: string[];
}
interface ResourceList {
  resources?: { name: string; kind: string; namespaced: boolean; group?: string; version?: string }[];
}

const aggregated = {
  headers: {
    accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
  },
};

/**
 * What the server serves: two requests by aggregated discovery (Kubernetes 1.30 and later), else one per group
 * and version. Behaviour: k8s.io/client-go/discovery/discovery_client.go, aggregated_discovery.go.
 */
export class Discovery {
  readonly #client: Client;
  #known: Map<string, ResourceRef> = new Map();
  #loading: Promise<void> | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  async resourceFor(apiVersion: string, kind: string, signal?: AbortSignal): Promise<ResourceRef> {
    const key = `${apiVersion}/${kind}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    await this.#load();
    signal?.throwIfAborted();
    const found = this.#known.get(key);
    if (found === undefined) throw new NoMatchError(apiVersion, kind);
    return found;
  }

  async resources(options: { refresh?: boolean; signal?: AbortSignal }): Promise<readonly ResourceRef[]> {
    if (options.refresh || this.#known.size === 0) await this.#load();
    options.signal?.throwIfAborted();
    return [...this.#known.values()];
  }

  // Those who ask while an answer is under way share it.
  #load(): Promise<void> {
    this.#loading ??= this.#fetch().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #fetch(): Promise<void> {
    const [core, groups] = await Promise.all([this.#roots("/api"), this.#roots("/apis")]);
    const found = new Map<string, ResourceRef>();
    for (const ref of [...core, ...groups]) {
      const key = `${ref.group === "" ? ref.version : `${ref.group}/${ref.version}`}/${ref.kind}`;
      const before = found.get(key);
      // The same object for the same facts: clients and informers are kept per object.
      if (before === undefined) found.set(key, same(this.#known.get(key), ref));
    }
    this.#known = found;
  }

  async #roots(path: "/api" | "/apis"): Promise<ResourceRef[]> {
    const list = await this.#client.request<GroupList>("GET", path, undefined, aggregated);
    if (list.kind === "APIGroupDiscoveryList") return (list.items ?? []).flatMap(refsOfGroup);
    const groupVersions =
      path === "/api"
        ? (list.versions ?? [])
        : (list.groups ?? []).flatMap((group) => (group.versions ?? []).map((version) => version.groupVersion));
    const lists = await Promise.all(groupVersions.map((groupVersion) => this.#refsOfGroupVersion(path, groupVersion)));
    return lists.flat();
  }

  async #refsOfGroupVersion(path: string, groupVersion: string): Promise<ResourceRef[]> {
    let list: ResourceList;
    try {
      list = await this.#client.request<ResourceList>("GET", `${path}/${groupVersion}`);
    } catch {
      // An aggregated API whose server is down must not hide all the others.
      return [];
    }
    const slash = groupVersion.indexOf("/");
    const group = slash < 0 ? "" : groupVersion.slice(0, slash);
    const version = groupVersion.slice(slash + 1);
    return (list.resources ?? [])
      .filter((resource) => !resource.name.includes("/"))
      .map((resource) => ({
        group,
        version,
        resource: resource.name,
        kind: resource.kind,
        namespaced: resource.namespaced,
      }));
  }
}

function refsOfGroup(item: AggregatedGroup): ResourceRef[] {
  const group = item.metadata?.name ?? "";
  return (item.versions ?? []).flatMap(({ version, resources }) =>
    (resources ?? [])
      // Upstream leaves out what has subresources only ("responseKind" without a kind).
      .filter((resource) => resource.responseKind?.kind)
      .map((resource) => ({
        group,
        version,
        resource: resource.resource,
        kind: resource.responseKind!.kind!,
        namespaced: resource.scope === "Namespaced",
      })),
  );
}

function same(before: ResourceRef | undefined, now: ResourceRef): ResourceRef {
  return before?.resource === now.resource && before.namespaced === now.namespaced ? before : Object.freeze(now);
}
