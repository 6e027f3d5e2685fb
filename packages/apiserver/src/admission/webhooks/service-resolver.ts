import { status } from "@podwright/kube";
import type { Storage } from "../../storage/storage.ts";

export interface Address {
  host: string;
  port: number;
}

/** Where to reach a Service's port. Rejects with the reason when it cannot be reached. */
export type ServiceResolver = (namespace: string, name: string, port: number) => Promise<Address>;

interface ServiceSpec {
  type?: string;
  externalName?: string;
  ports?: { name?: string; port: number; targetPort?: number | string }[];
}
interface Slice {
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[] | null;
  ports?: { name?: string; port?: number }[] | null;
}
interface Endpoints {
  subsets?: { addresses?: { ip: string }[]; ports?: { name?: string; port: number }[] }[];
}

/**
 * Resolves a Service to one of its ready endpoints, from its EndpointSlices or else its Endpoints
 * (k8s.io/apiserver/pkg/util/proxy/proxy.go, ResolveEndpoint).
 *
 * @param random gives 0 ≤ n < 1; chooses among the ready endpoints
 */
export function endpointResolver(storage: Storage, random: () => number = Math.random): ServiceResolver {
  return async (namespace, name, port) => {
    const stored = storage.get(`//services/${namespace}/${name}`);
    if (stored === undefined) throw status.notFound({ group: "", resource: "service" }, name);
    const spec = JSON.parse(stored.value.toString()).spec as ServiceSpec;
    if (spec.type === "ExternalName") return { host: spec.externalName ?? "", port };
    const wanted = (spec.ports ?? []).find((each) => each.port === port);
    if (wanted === undefined) throw status.serviceUnavailable(`no service port ${port} found for service "${name}"`);

    const ready = fromSlices(storage, namespace, name, wanted.name ?? "");
    const candidates = ready.length > 0 ? ready : fromEndpoints(storage, namespace, name, wanted.name ?? "");
    const chosen = candidates[Math.floor(random() * candidates.length)];
    if (chosen === undefined) throw status.serviceUnavailable(`no endpoints available for service "${name}"`);
    return chosen;
  };
}

function fromSlices(storage: Storage, namespace: string, service: string, portName: string): Address[] {
  const page = storage.list({
    prefix: `/discovery.k8s.io/endpointslices/${namespace}/`,
    matches: (entry) => entry.labels?.["kubernetes.io/service-name"] === service,
  });
  return page.items.flatMap((item) => {
    const slice = JSON.parse(item.value.toString()) as Slice;
    const port = (slice.ports ?? []).find((each) => (each.name ?? "") === portName)?.port;
    if (port === undefined) return [];
    return (slice.endpoints ?? [])
      .filter((endpoint) => endpoint.conditions?.ready !== false)
      .map((endpoint) => ({ host: endpoint.addresses[0] ?? "", port }));
  });
}

function fromEndpoints(storage: Storage, namespace: string, service: string, portName: string): Address[] {
  const stored = storage.get(`//endpoints/${namespace}/${service}`);
  if (stored === undefined) return [];
  const { subsets = [] } = JSON.parse(stored.value.toString()) as Endpoints;
  return subsets.flatMap((subset) => {
    const port = (subset.ports ?? []).find((each) => (each.name ?? "") === portName)?.port;
    return port === undefined ? [] : (subset.addresses ?? []).map(({ ip }) => ({ host: ip, port }));
  });
}
