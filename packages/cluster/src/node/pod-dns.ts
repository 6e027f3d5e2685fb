/** How a pod's containers find names (k8s.io/kubernetes/pkg/kubelet/network/dns/dns.go). */
import type { Pod } from "../kinds.ts";
import type { SandboxConfig } from "./runtime.ts";

export type DnsConfig = NonNullable<SandboxConfig["dns"]>;

export interface PodDnsOptions {
  /** The addresses of the cluster's DNS; none: pods have the node's. */
  clusterDns: readonly string[];
  /** "cluster.local" */
  clusterDomain: string;
  /** The text of the node's /etc/resolv.conf. */
  nodeResolvConf: string;
  /** What does not fit: a message for an event DNSConfigForming, Warning. */
  tooMuch?: (message: string) => void;
}

const maxServers = 3;
const maxSearches = 32;
const maxSearchLength = 253;
const maxSearchLine = 2048;

/** What the pod's resolv.conf is to say, from its dnsPolicy and dnsConfig. */
export function podDns(pod: Pod, options: PodDnsOptions): DnsConfig {
  const { clusterDns, clusterDomain, tooMuch = () => {} } = options;
  const policy = pod.spec.dnsPolicy ?? "ClusterFirst";
  let base: DnsConfig = parseResolvConf(options.nodeResolvConf);
  const ofCluster = policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && !pod.spec.hostNetwork);
  if (policy === "None") base = { servers: [], searches: [], options: [] };
  else if (ofCluster && clusterDns.length > 0) {
    const { namespace = "" } = pod.metadata;
    const own = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
    base = { servers: [...clusterDns], searches: [...own, ...base.searches], options: ["ndots:5"] };
  }
  const added = pod.spec.dnsConfig ?? {};
  return {
    servers: fittingServers(distinct([...base.servers, ...(added.nameservers ?? [])]), tooMuch),
    searches: fittingSearches(distinct([...base.searches, ...(added.searches ?? [])]), tooMuch),
    options: mergedOptions(
      base.options,
      (added.options ?? []).map(({ name, value }) => (value ? `${name}:${value}` : `${name}`)),
    ),
  };
}

/** The text of a resolv.conf. */
export function resolvConf({ servers, searches, options }: DnsConfig): string {
  const lines = servers.map((server) => `nameserver ${server}`);
  if (searches.length > 0) lines.unshift(`search ${searches.join(" ")}`);
  if (options.length > 0) lines.push(`options ${options.join(" ")}`);
  return lines.map((line) => `${line}\n`).join("");
}

/** Of several "search" lines the last one holds. */
export function parseResolvConf(text: string): DnsConfig {
  const parsed: DnsConfig = { servers: [], searches: [], options: [] };
  for (const line of text.split("\n")) {
    const [word, ...values] = line.trim().split(/\s+/);
    if (word === "nameserver" && values[0] !== undefined) parsed.servers.push(values[0]);
    else if (word === "search") {
      parsed.searches = values.filter((value) => value !== ".").map((value) => value.replace(/\.$/, ""));
    } else if (word === "options") parsed.options = mergedOptions(parsed.options, values);
  }
  return parsed;
}

/** Of two options of one name the later one holds. */
function mergedOptions(first: readonly string[], second: readonly string[]): string[] {
  const byName = new Map([...first, ...second].map((option) => [option.split(":")[0], option]));
  return [...byName.values()];
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function fittingServers(servers: string[], tooMuch: (message: string) => void): string[] {
  if (servers.length <= maxServers) return servers;
  const fitting = servers.slice(0, maxServers);
  tooMuch(
    `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${fitting.join(" ")}`,
  );
  return fitting;
}

function fittingSearches(searches: string[], tooMuch: (message: string) => void): string[] {
  const fitting = searches.slice(0, maxSearches).filter(({ length }) => length <= maxSearchLength);
  while (fitting.join(" ").length > maxSearchLine) fitting.pop();
  if (fitting.length < searches.length) {
    tooMuch(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${fitting.join(" ")}`,
    );
  }
  return fitting;
}
