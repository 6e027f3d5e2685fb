/**
 * The names of a cluster, as the specification of Kubernetes' DNS and CoreDNS' kubernetes plugin have them
 * (github.com/kubernetes/dns/blob/master/docs/specification.md). Answered from what the informers hold.
 */
import { isIPv4, isIPv6 } from "node:net";
import type { Informer, InformerFactory } from "@podwright/client";
import { namespaceInformer, serviceInformer } from "../../controllers/informers.ts";
import type { Namespace, Service } from "../../kinds.ts";
import { isInCidr } from "../cidr.ts";
import type { EndpointSlice, SliceEndpoint } from "../service-ports.ts";
import { endpointSliceInformer } from "../service-table.ts";

/** Records of the answer without their owner, whose spelling is the client's. */
export type ZoneRecord =
  | { type: "A" | "AAAA" | "CNAME" | "NS" | "PTR" | "TXT"; data: string }
  | { type: "SRV"; data: { port: number; target: string; priority: number; weight: number } }
  | { type: "SOA"; data: SoaData };

export interface SoaData {
  mname: string;
  rname: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}

export interface ZoneAnswer {
  code: "NOERROR" | "NXDOMAIN";
  answers: ZoneRecord[];
  /** Addresses of what the answers name. */
  additionals: { name: string; type: "A" | "AAAA"; data: string }[];
}

export interface ClusterZoneOptions {
  informers: InformerFactory;
  clusterDomain: string;
  /** Of the DNS Service. */
  address: string;
  podCidr: string;
  serviceCidr: string;
  now: () => number;
  /** 0 to less than 1; for the order of addresses. */
  random?: () => number;
}

interface Match {
  ip: string;
  /** Undefined: a headless Service without ports. */
  port: number | undefined;
  target: string;
}

/** CoreDNS' own; kubeadm sets 30, but nobody here is far enough away for that. */
export const recordTtlSeconds = 5;

const byClusterIp = (service: Service): string[] => service.spec.clusterIPs ?? [];
const byAddress = (slice: EndpointSlice): string[] => (slice.endpoints ?? []).flatMap(({ addresses }) => addresses);

export class ClusterZone {
  readonly #options: ClusterZoneOptions;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #namespaces: Informer<Namespace>;

  constructor(options: ClusterZoneOptions) {
    this.#options = options;
    this.#services = serviceInformer(options.informers);
    this.#services.addIndexes({ clusterIp: byClusterIp });
    this.#slices = endpointSliceInformer(options.informers);
    this.#slices.addIndexes({ address: byAddress });
    this.#namespaces = namespaceInformer(options.informers);
  }

  async synced(): Promise<void> {
    await Promise.all([this.#services.synced(), this.#slices.synced(), this.#namespaces.synced()]);
  }

  /**
   * What is known of a name; undefined when it is no name of the cluster's.
   *
   * @param name in lower case, without the last dot.
   */
  lookup(name: string, type: string): ZoneAnswer | undefined {
    const { clusterDomain } = this.#options;
    const ip = reverseAddress(name);
    if (ip !== undefined) return this.#reverse(ip, type);
    if (name === clusterDomain) return this.#apex(type);
    if (!name.endsWith(`.${clusterDomain}`)) return undefined;
    const labels = name.slice(0, -clusterDomain.length - 1).split(".");
    switch (labels.pop()) {
      case "svc":
        return this.#inServices(labels, type);
      case "pod":
        return this.#inPods(labels, type);
      case "dns":
        if (labels.length === 0) return noData;
        if (labels.join(".") === "ns") return addresses([this.#options.address], type);
        return noSuchName;
      case "dns-version":
        if (labels.length > 0) return noSuchName;
        return type === "TXT" ? found([{ type: "TXT", data: "1.1.0" }]) : noData;
      default:
        return noSuchName;
    }
  }

  /** For the authority section of answers that have nothing. */
  soa(): SoaData {
    const { clusterDomain } = this.#options;
    return {
      mname: `ns.dns.${clusterDomain}`,
      rname: `hostmaster.${clusterDomain}`,
      serial: Math.floor(this.#options.now() / 1000),
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: recordTtlSeconds,
    };
  }

  #apex(type: string): ZoneAnswer {
    if (type === "SOA") return found([{ type: "SOA", data: this.soa() }]);
    if (type === "NS") return found([{ type: "NS", data: `ns.dns.${this.#options.clusterDomain}` }]);
    return noData;
  }

  /** a-b-c-d.NAMESPACE.pod: whatever the name says, as CoreDNS with "pods insecure". */
  #inPods(labels: string[], type: string): ZoneAnswer {
    const namespace = labels.pop();
    if (namespace === undefined) return noData;
    if (this.#namespaces.get(namespace) === undefined) return noSuchName;
    const [dashed] = labels;
    if (dashed === undefined) return noData;
    if (labels.length > 1) return noSuchName;
    const ip = [dashed.replaceAll("-", "."), dashed.replaceAll("-", ":")].find((text) => isIPv4(text) || isIPv6(text));
    return ip === undefined ? noSuchName : addresses([ip], type);
  }

  #inServices(labels: string[], type: string): ZoneAnswer {
    const namespace = labels.pop();
    if (namespace === undefined) return noData;
    if (this.#namespaces.get(namespace) === undefined) return noSuchName;
    const name = labels.pop();
    if (name === undefined) return noData;
    const service = this.#services.get(name, namespace);
    if (service === undefined || labels.length > 2) return noSuchName;
    const { spec } = service;
    if (spec.type === "ExternalName") {
      const { externalName = "" } = spec as { externalName?: string };
      return found([{ type: "CNAME", data: externalName.toLowerCase().replace(/\.$/, "") }]);
    }
    const matches =
      spec.clusterIP === "None" || labels.length === 1
        ? this.#endpoints(service, labels)
        : this.#ports(service, labels);
    if (matches.length === 0) return noSuchName;
    return type === "SRV" ? servers(matches) : addresses(this.#shuffled(matches.map(({ ip }) => ip)), type);
  }

  #ports({ metadata, spec }: Service, labels: readonly string[]): Match[] {
    const target = `${metadata.name}.${metadata.namespace}.svc.${this.#options.clusterDomain}`;
    return (spec.clusterIPs ?? [spec.clusterIP ?? ""])
      .filter((ip) => ip !== "")
      .flatMap((ip) =>
        (spec.ports ?? []).filter((port) => isNamed(labels, port)).map(({ port }) => ({ ip, port, target })),
      );
  }

  /** Of a headless Service, or the one with that host name of any. */
  #endpoints({ metadata }: Service, labels: readonly string[]): Match[] {
    const key = `${metadata.namespace}/${metadata.name}`;
    const domain = `${metadata.name}.${metadata.namespace}.svc.${this.#options.clusterDomain}`;
    const [only] = labels.length === 1 ? labels : [];
    return this.#slices.by("serviceName", key).flatMap((slice) => {
      const named = only === undefined ? labels : [];
      const ports = slice.ports?.length ? slice.ports.filter((port) => isNamed(named, port)) : undefined;
      if (ports === undefined && named.length > 0) return [];
      return (slice.endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap((endpoint) => endpoint.addresses.map((ip) => ({ ip, host: hostOf(endpoint, ip) })))
        .filter(({ host }) => only === undefined || host === only)
        .flatMap(({ ip, host }) =>
          (ports ?? [{ port: undefined }]).map(({ port }) => ({ ip, port, target: `${host}.${domain}` })),
        );
    });
  }

  #reverse(ip: string, type: string): ZoneAnswer | undefined {
    const { clusterDomain, podCidr, serviceCidr } = this.#options;
    const [service] = this.#services.by("clusterIp", ip);
    const names =
      service !== undefined
        ? [`${service.metadata.name}.${service.metadata.namespace}.svc.${clusterDomain}`]
        : this.#slices.by("address", ip).flatMap(({ metadata, endpoints = [] }) => {
            const name = metadata.labels?.["kubernetes.io/service-name"];
            const endpoint = endpoints.find(({ addresses: all }) => all.includes(ip));
            if (name === undefined || endpoint === undefined) return [];
            return [`${hostOf(endpoint, ip)}.${name}.${metadata.namespace}.svc.${clusterDomain}`];
          });
    if (names.length === 0) return isInCidr(ip, podCidr) || isInCidr(ip, serviceCidr) ? noSuchName : undefined;
    return type === "PTR" ? found([...new Set(names)].map((data) => ({ type: "PTR", data }))) : noData;
  }

  #shuffled(ips: readonly string[]): string[] {
    const random = this.#options.random ?? Math.random;
    const unique = [...new Set(ips)];
    const from = Math.floor(random() * unique.length);
    return [...unique.slice(from), ...unique.slice(0, from)];
  }
}

const noData: ZoneAnswer = { code: "NOERROR", answers: [], additionals: [] };
const noSuchName: ZoneAnswer = { code: "NXDOMAIN", answers: [], additionals: [] };

function found(answers: ZoneRecord[]): ZoneAnswer {
  return { code: "NOERROR", answers, additionals: [] };
}

function addresses(ips: readonly string[], type: string): ZoneAnswer {
  if (type !== "A" && type !== "AAAA") return noData;
  const isAsked = type === "A" ? isIPv4 : isIPv6;
  return found(ips.filter((ip) => isAsked(ip)).map((data) => ({ type, data })));
}

function servers(matches: readonly Match[]): ZoneAnswer {
  const unique = new Map<string, { port: number; target: string }>();
  const hosts = new Map<string, { name: string; type: "A" | "AAAA"; data: string }>();
  for (const { ip, port, target } of matches) {
    if (port === undefined) continue;
    unique.set(`${port} ${target}`, { port, target });
    hosts.set(`${ip} ${target}`, { name: target, type: isIPv4(ip) ? "A" : "AAAA", data: ip });
  }
  const weight = Math.max(1, Math.floor(100 / Math.max(1, unique.size)));
  return {
    code: "NOERROR",
    answers: [...unique.values()].map((server) => ({ type: "SRV", data: { ...server, priority: 0, weight } })),
    additionals: [...hosts.values()],
  };
}

/** ["_http", "_tcp"] of a name, or nothing for every port. */
function isNamed(labels: readonly string[], port: { name?: string; protocol?: string }): boolean {
  if (labels.length === 0) return true;
  const [name, protocol] = labels;
  return name === `_${port.name ?? ""}` && protocol === `_${(port.protocol ?? "TCP").toLowerCase()}`;
}

function hostOf({ hostname }: SliceEndpoint, ip: string): string {
  return hostname || ip.replaceAll(/[.:]/g, "-");
}

/** "4.3.2.1.in-addr.arpa" → "1.2.3.4". */
function reverseAddress(name: string): string | undefined {
  if (!name.endsWith(".in-addr.arpa")) return undefined;
  const ip = name.slice(0, -".in-addr.arpa".length).split(".").reverse().join(".");
  return isIPv4(ip) ? ip : undefined;
}
