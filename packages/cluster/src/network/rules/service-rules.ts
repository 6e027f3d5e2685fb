/**
 * Service ports as rules of iptables: what kube-proxy's iptables mode does
 * (k8s.io/kubernetes/pkg/proxy/iptables/proxier.go), with chains of our own beside docker's.
 */
import type { Endpoint, Protocol, ServicePortEntry } from "../service-ports.ts";
import type { ChainNames } from "./chain-names.ts";
import type { Jump, RuleSet } from "./rule-set.ts";

export interface NetworkFacts {
  podCidr: string;
  serviceCidr: string;
  gateway: string;
  /**
   * Packets between pods pass iptables even on one bridge (bridge-nf-call-iptables). Where they do not, an answer
   * would go past the translation, so a pod that calls a Service is seen by the endpoint as the gateway.
   */
  bridgedPackets: boolean;
  /** Of this process, for others: a comment without quotes. */
  owner: string;
  /** What this process serves to pods at the gateway, which a firewall of the machine's would keep out. */
  gatewayPorts: readonly { protocol: "TCP" | "UDP"; port: number }[];
}

/** Marks what is to leave with the machine's own address. */
const masqueradeMark = "0x2000/0x2000";

export function serviceJumps(names: ChainNames): Jump[] {
  return [
    { table: "nat", from: "PREROUTING", to: names.fixed("PREROUTING") },
    { table: "nat", from: "OUTPUT", to: names.fixed("OUTPUT") },
    { table: "nat", from: "POSTROUTING", to: names.fixed("POSTROUTING") },
    { table: "filter", from: "FORWARD", to: names.fixed("FORWARD") },
    { table: "filter", from: "INPUT", to: names.fixed("INPUT") },
    { table: "filter", from: "OUTPUT", to: names.fixed("OUTPUT") },
  ];
}

export function serviceRules(ports: readonly ServicePortEntry[], names: ChainNames, facts: NetworkFacts): RuleSet {
  const nat = new Map<string, string[]>();
  const filter = new Map<string, string[]>();
  const { podCidr, serviceCidr, gateway } = facts;
  const clusterIps = names.fixed("CLUSTERIPS");
  const external = names.fixed("EXTERNAL");
  const nodePorts = names.fixed("NODEPORTS");
  const refused = names.fixed("REFUSED");

  // Another cluster on this machine may have the same addresses: each serves its own pods.
  nat.set(names.fixed("PREROUTING"), [`-s ${podCidr} -j ${clusterIps}`, `-j ${external}`]);
  nat.set(names.fixed("OUTPUT"), [`-j ${clusterIps}`, `-j ${external}`]);
  nat.set(names.fixed("POSTROUTING"), [
    `-m comment --comment "${facts.owner}"`,
    ...(facts.bridgedPackets ? [] : [`-s ${podCidr} -d ${podCidr} -m conntrack --ctstate DNAT -j MASQUERADE`]),
    `-m mark --mark ${masqueradeMark} -j ${names.fixed("MASQUERADE")}`,
  ]);
  nat.set(names.fixed("MASQUERADE"), [`-j MARK --set-xmark 0x0/0x2000`, `-j MASQUERADE --random-fully`]);
  nat.set(clusterIps, []);
  nat.set(external, []);
  nat.set(nodePorts, []);
  filter.set(refused, []);
  filter.set(names.fixed("FORWARD"), [
    `-s ${podCidr} -m conntrack --ctstate INVALID -j DROP`,
    `-m conntrack --ctstate NEW -j ${refused}`,
    // Addresses that no Service has: told at once rather than sent out of the machine.
    `-s ${podCidr} -d ${serviceCidr} -p tcp -m conntrack --ctstate NEW ${refusal("TCP")}`,
    `-s ${podCidr} -d ${serviceCidr} -m conntrack --ctstate NEW ${refusal("UDP")}`,
    // Docker lets only those in from outside whom a published port leads in.
    `-d ${podCidr} -m conntrack --ctstate DNAT -j ACCEPT`,
    `-s ${podCidr} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `-s ${podCidr} -d ${podCidr} -j ACCEPT`,
  ]);
  filter.set(names.fixed("INPUT"), [
    `-m conntrack --ctstate NEW -j ${refused}`,
    ...facts.gatewayPorts.map(
      ({ protocol, port }) =>
        `-s ${podCidr} -d ${gateway}/32 -p ${protocol.toLowerCase()} -m ${protocol.toLowerCase()} --dport ${port} -j ACCEPT`,
    ),
  ]);
  filter.set(names.fixed("OUTPUT"), [`-m conntrack --ctstate NEW -j ${refused}`]);

  for (const port of ports) addPort(port, { nat, filter, names, podCidr });
  nat.get(external)?.push(`! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j ${nodePorts}`);
  return new Map([
    ["nat", nat],
    ["filter", filter],
  ]);
}

/** The kernel sends few ICMP messages a second, and resets as many as are asked for. */
function refusal(protocol: Protocol): string {
  return protocol === "TCP" ? "-j REJECT --reject-with tcp-reset" : "-j REJECT";
}

interface Target {
  nat: Map<string, string[]>;
  filter: Map<string, string[]>;
  names: ChainNames;
  podCidr: string;
}

function addPort(entry: ServicePortEntry, { nat, filter, names, podCidr }: Target): void {
  const protocol = entry.protocol.toLowerCase();
  const comment = `-m comment --comment "${entry.name}"`;
  const to = (ip: string): string => `-d ${ip}/32 -p ${protocol} ${comment} -m ${protocol} --dport ${entry.port}`;
  const nodePort = `-p ${protocol} ${comment} -m ${protocol} --dport ${entry.nodePort}`;
  const refuse = (match: string): unknown =>
    filter.get(names.fixed("REFUSED"))?.push(`${match} ${refusal(entry.protocol)}`);
  const drop = (match: string): unknown => filter.get(names.fixed("REFUSED"))?.push(`${match} -j DROP`);
  const everyEndpoint = chainOf("S", entry, entry.endpoints);
  const near = entry.internalLocal || entry.externalLocal ? chainOf("L", entry, entry.localEndpoints) : undefined;

  const inside = entry.internalLocal ? near : everyEndpoint;
  if (inside !== undefined) nat.get(names.fixed("CLUSTERIPS"))?.push(`${to(entry.clusterIp)} -j ${inside}`);
  else if (entry.endpoints.length > 0) drop(to(entry.clusterIp));
  else refuse(to(entry.clusterIp));

  const outside = [
    ...entry.externalIps.map((ip) => ({ chain: names.fixed("EXTERNAL"), match: to(ip), stray: to(ip) })),
    ...(entry.nodePort === 0
      ? []
      : [{ chain: names.fixed("NODEPORTS"), match: nodePort, stray: `-m addrtype --dst-type LOCAL ${nodePort}` }]),
  ];
  if (outside.length === 0) return;
  if (everyEndpoint === undefined) {
    for (const { stray } of outside) refuse(stray);
    return;
  }
  const chain = names.hashed("E", entry.name, entry.protocol);
  nat.set(chain, outsideRules(entry, everyEndpoint, near));
  for (const { chain: from, match } of outside) nat.get(from)?.push(`${match} -j ${chain}`);
  if (entry.externalLocal && near === undefined) for (const { stray } of outside) drop(stray);

  function outsideRules({ externalLocal }: ServicePortEntry, all: string, local: string | undefined): string[] {
    const mark = `-j MARK --set-xmark ${masqueradeMark}`;
    if (!externalLocal) return [mark, `-j ${all}`];
    return [
      // Pods and the machine itself are within the cluster: for them the other policy holds.
      `-s ${podCidr} -j ${all}`,
      `-m addrtype --src-type LOCAL ${mark}`,
      `-m addrtype --src-type LOCAL -j ${all}`,
      ...(local === undefined ? [] : [`-j ${local}`]),
    ];
  }

  /** A chain that leads to one of the endpoints; undefined when there is none. */
  function chainOf(kind: "S" | "L", { name, affinitySeconds }: ServicePortEntry, endpoints: readonly Endpoint[]) {
    if (endpoints.length === 0) return undefined;
    const chain = names.hashed(kind, name, entry.protocol);
    const targets = endpoints.map((endpoint) => endpointChain(name, endpoint, affinitySeconds !== undefined));
    nat.set(chain, [
      ...(affinitySeconds === undefined
        ? []
        : targets.map(
            (target) =>
              `${comment} -m recent --name ${target} --rcheck --seconds ${affinitySeconds} --reap -j ${target}`,
          )),
      ...targets.map((target, at) => {
        const left = targets.length - at;
        if (left === 1) return `${comment} -j ${target}`;
        return `${comment} -m statistic --mode random --probability ${(1 / left).toFixed(10)} -j ${target}`;
      }),
    ]);
    return chain;
  }

  function endpointChain(name: string, { ip, port }: Endpoint, remembered: boolean): string {
    const chain = names.hashed("P", name, entry.protocol, `${ip}:${port}`);
    nat.set(chain, [
      // A pod that calls itself would get its own packet with its own address as sender.
      `-s ${ip}/32 -j MARK --set-xmark ${masqueradeMark}`,
      `-p ${protocol} ${remembered ? `-m recent --name ${chain} --set ` : ""}-m ${protocol} -j DNAT --to-destination ${ip}:${port}`,
    ]);
    return chain;
  }
}
