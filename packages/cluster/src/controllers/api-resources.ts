import type { Client, ResourceRef } from "@podwright/client";

/** A resource as the server serves it, in the version it prefers, with what can be done to it. */
export interface ApiResource extends ResourceRef {
  verbs: readonly string[];
}

interface DiscoveredGroup {
  metadata?: { name?: string };
  versions?: {
    version: string;
    resources?: { resource: string; scope?: string; verbs?: string[]; responseKind?: { kind?: string } }[];
  }[];
}

const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** Every resource once, by aggregated discovery (Kubernetes 1.30 and later): versions stand in order of preference. */
export async function apiResources(client: Client): Promise<ApiResource[]> {
  const roots = await Promise.all(
    ["/api", "/apis"].map((path) =>
      client.request<{ items?: DiscoveredGroup[] }>("GET", path, undefined, { headers: { accept } }),
    ),
  );
  const found = new Map<string, ApiResource>();
  for (const item of roots.flatMap((root) => root.items ?? [])) {
    const group = item.metadata?.name ?? "";
    for (const { version, resources = [] } of item.versions ?? []) {
      for (const { resource, scope, verbs = [], responseKind } of resources) {
        const key = `${group}/${resource}`;
        if (found.has(key) || !responseKind?.kind) continue;
        found.set(key, {
          group,
          version,
          resource,
          kind: responseKind.kind,
          namespaced: scope === "Namespaced",
          verbs,
        });
      }
    }
  }
  return [...found.values()];
}
