/**
 * NetworkPolicies as rules of iptables. In the mangle table: there docker puts nothing before them, and what is
 * dropped there no later rule can accept. Pods' addresses are seen behind the translation of Services. Traffic of
 * the machine itself (probes) does not come by; as upstream has it, a node always reaches its pods.
 */
import { type LabelSelector, labelSelectorFromObject } from "@podwright/kube";
import { formatCidr, isInCidr, parseCidr, without } from "../cidr.ts";
import type { ChainNames } from "../rules/chain-names.ts";
import type { Jump, RuleSet } from "../rules/rule-set.ts";
import type { NetworkPolicy, PolicyPeer, PolicyPod, PolicyPort, PolicyState } from "./network-policy.ts";

export interface PolicyFacts {
  podCidr: string;
  /** Where this process serves DNS; policies that speak of port 53 there mean this port. */
  dns: { ip: string; port: number } | undefined;
}

type Direction = "Ingress" | "Egress";

/** Who may be at the other end: a range, or a pod with its named ports; "any" for everybody. */
type Peers = "any" | { cidr: string; pod?: PolicyPod }[];

const established = "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN";
const dnsPort = 53;

export function policyJumps(names: ChainNames): Jump[] {
  return [
    { table: "mangle", from: "FORWARD", to: names.fixed("POLICY") },
    { table: "mangle", from: "INPUT", to: names.fixed("POLICYDNS") },
  ];
}

export function policyRules(state: PolicyState, names: ChainNames, facts: PolicyFacts): RuleSet {
  const chains = new Map<string, string[]>();
  const selectors = selectorCache();
  const policies = [...state.policies].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const self: string[] = [];
  const egress: string[] = [];
  const ingress: string[] = [];
  const dns: string[] = [];
  const pods = state.pods
    .filter(({ ip }) => isInCidr(ip, facts.podCidr) && ip !== facts.dns?.ip)
    .sort((a, b) => (a.ip < b.ip ? -1 : 1));
  for (const pod of pods) {
    const selecting = policies.filter(
      ({ metadata, spec }) =>
        metadata.namespace === pod.namespace && selectors(spec.podSelector ?? {}).matches(pod.labels),
    );
    const out = selecting.filter((policy) => concerns(policy, "Egress"));
    const into = selecting.filter((policy) => concerns(policy, "Ingress"));
    if (out.length === 0 && into.length === 0) continue;
    // A pod always reaches itself.
    self.push(`-s ${pod.ip}/32 -d ${pod.ip}/32 -j RETURN`);
    if (out.length > 0) {
      const chain = chainOf(
        "O",
        out.flatMap((policy) => rulesOf(policy, "Egress", pod)),
      );
      egress.push(`-s ${pod.ip}/32 -j ${chain}`);
      if (facts.dns !== undefined) {
        for (const protocol of ["udp", "tcp"]) {
          dns.push(
            `-s ${pod.ip}/32 -d ${facts.dns.ip}/32 -p ${protocol} -m ${protocol} --dport ${facts.dns.port} -j ${chain}`,
          );
        }
      }
    }
    if (into.length > 0) {
      const chain = chainOf(
        "I",
        into.flatMap((policy) => rulesOf(policy, "Ingress", pod)),
      );
      ingress.push(`-d ${pod.ip}/32 -j ${chain}`);
    }
  }
  chains.set(names.fixed("POLICY"), self.length === 0 ? [] : [established, ...self, ...egress, ...ingress]);
  chains.set(names.fixed("POLICYDNS"), dns.length === 0 ? [] : [established, ...dns]);
  return new Map([["mangle", chains]]);

  /** Pods under the same rules share the chain. What may pass goes back, the rest ends here. */
  function chainOf(kind: "I" | "O", rules: readonly string[]): string {
    const content = [...new Set(rules), "-j DROP"];
    const chain = names.hashed(kind, ...content);
    chains.set(chain, content);
    return chain;
  }

  function rulesOf({ metadata, spec }: NetworkPolicy, direction: Direction, pod: PolicyPod): string[] {
    const rules =
      direction === "Ingress"
        ? (spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
        : (spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
    return rules.flatMap(({ peers, ports }) => {
      const ends = peersOf(peers ?? [], metadata.namespace ?? "");
      return direction === "Ingress" ? ingressRules(ends, ports ?? [], pod) : egressRules(ends, ports ?? []);
    });
  }

  function ingressRules(peers: Peers, ports: readonly PolicyPort[], pod: PolicyPod): string[] {
    const matches = portMatches(ports, pod);
    const sources = peers === "any" ? [""] : peers.map(({ cidr }) => `-s ${cidr} `);
    return sources.flatMap((source) => matches.map((match) => `${source}${match}-j RETURN`));
  }

  function egressRules(peers: Peers, ports: readonly PolicyPort[]): string[] {
    const rules =
      peers === "any"
        ? portMatches(ports, undefined).map((match) => `${match}-j RETURN`)
        : peers.flatMap(({ cidr, pod }) => portMatches(ports, pod).map((match) => `-d ${cidr} ${match}-j RETURN`));
    return [...rules, ...dnsRules(peers, ports)];
  }

  /** The DNS server may not have got port 53. */
  function dnsRules(peers: Peers, ports: readonly PolicyPort[]): string[] {
    const { dns: server } = facts;
    if (server === undefined || server.port === dnsPort) return [];
    if (peers !== "any" && !peers.some(({ cidr }) => isInCidr(server.ip, cidr))) return [];
    return ports
      .filter(({ port, endPort }) =>
        typeof port === "number" ? port <= dnsPort && dnsPort <= (endPort ?? port) : port?.startsWith("dns"),
      )
      .map(({ protocol = "TCP" }) => protocol.toLowerCase())
      .map((protocol) => `-d ${server.ip}/32 -p ${protocol} -m ${protocol} --dport ${server.port} -j RETURN`);
  }

  function peersOf(peers: readonly PolicyPeer[], namespace: string): Peers {
    if (peers.length === 0) return "any";
    const ends = new Map<string, { cidr: string; pod?: PolicyPod }>();
    for (const { ipBlock, namespaceSelector, podSelector } of peers) {
      if (ipBlock !== undefined) {
        for (const cidr of rangesOf(ipBlock)) ends.set(cidr, { cidr });
        continue;
      }
      for (const pod of state.pods) {
        const labels = state.namespaceLabels.get(pod.namespace);
        const inNamespace =
          namespaceSelector === undefined
            ? pod.namespace === namespace
            : labels !== undefined && selectors(namespaceSelector).matches(labels);
        if (!inNamespace) continue;
        if (podSelector !== undefined && !selectors(podSelector).matches(pod.labels)) continue;
        ends.set(`${pod.ip}/32`, { cidr: `${pod.ip}/32`, pod });
      }
    }
    return [...ends.values()].sort((a, b) => (a.cidr < b.cidr ? -1 : 1));
  }
}

function keyOf({ metadata }: NetworkPolicy): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function concerns({ spec }: NetworkPolicy, direction: Direction): boolean {
  const types = spec.policyTypes ?? ["Ingress", ...(spec.egress === undefined ? [] : ["Egress"])];
  return types.includes(direction);
}

/** Ranges of IPv6 addresses, which no pod here has, are none. */
function rangesOf({ cidr, except = [] }: { cidr: string; except?: string[] }): string[] {
  if (cidr.includes(":")) return [];
  return without(
    parseCidr(cidr),
    except.filter((each) => !each.includes(":")).map((each) => parseCidr(each)),
  ).map(formatCidr);
}

/** The matches for ports, one of which must hold: [""] where none are named, nothing where none can be found. */
function portMatches(ports: readonly PolicyPort[], pod: PolicyPod | undefined): string[] {
  if (ports.length === 0) return [""];
  return ports.flatMap(({ protocol = "TCP", port, endPort }) => {
    const name = protocol.toLowerCase();
    if (port === undefined) return [`-p ${name} `];
    const numbers =
      typeof port === "number"
        ? [port]
        : (pod?.ports ?? [])
            .filter((each) => each.name === port && each.protocol === protocol)
            .map((each) => each.port);
    return numbers.map((number) => `-p ${name} -m ${name} --dport ${number}${endPort ? `:${endPort}` : ""} `);
  });
}

/** Selectors are parsed once, not for every pod. */
function selectorCache(): (selector: object) => LabelSelector {
  const parsed = new Map<object, LabelSelector>();
  return (selector) => {
    let found = parsed.get(selector);
    if (found === undefined) {
      found = labelSelectorFromObject(selector);
      parsed.set(selector, found);
    }
    return found;
  };
}
