/**
 * What makes Services, the names of the cluster and NetworkPolicies real for pods that really run, on Linux: rules of
 * iptables as kube-proxy writes them, a DNS server in this process, listeners for node ports.
 *
 * iptables and not nftables: docker writes its rules with it, so it is on every machine with docker, and a rule that
 * lets a packet past docker's own "drop" must stand in the same chain.
 */
import { networkInterfaces } from "node:os";
import type { Client, Clock, InformerFactory, Logger } from "@podwright/client";
import { bridgedPacketsPassIptables } from "./bridged-packets.ts";
import { publishApiServer, publishDns, unpublishDns } from "./cluster-objects.ts";
import { ClusterZone } from "./dns/cluster-zone.ts";
import { Forwarder } from "./dns/forwarder.ts";
import { createResolver } from "./dns/resolver.ts";
import { type DnsServer, startDnsServer } from "./dns/server.ts";
import { Upstream } from "./dns/upstream.ts";
import { allowHairpin } from "./hairpin.ts";
import type { HostCommands } from "./host-commands.ts";
import { HostNameservers } from "./host-resolver.ts";
import { NodePortListeners } from "./node-ports.ts";
import type { PolicyPod } from "./policy/network-policy.ts";
import { policyJumps, policyRules } from "./policy/policy-rules.ts";
import { PolicyTable } from "./policy/policy-table.ts";
import { type Relay, startRelay } from "./relay.ts";
import { chainNames } from "./rules/chain-names.ts";
import { conntrack, staleFlows } from "./rules/conntrack.ts";
import { Iptables } from "./rules/iptables.ts";
import { ownerComment, removeOrphans } from "./rules/owner.ts";
import { type NetworkFacts, serviceJumps, serviceRules } from "./rules/service-rules.ts";
import type { ServicePortEntry } from "./service-ports.ts";
import { addServiceRoute, removeServiceRoute } from "./service-route.ts";
import { ServiceTable } from "./service-table.ts";
import { SyncLoop } from "./sync-loop.ts";

export interface ServiceNetworkOptions {
  /** Names the cluster's rules: the same for all runs on a data directory, so that one finds what a crash left. */
  clusterId: string;
  client: Client;
  /** Started already: what they show is waited for. */
  informers: InformerFactory;
  /** It is there already: its gateway is an address of this machine. `bridge` is found by it when not given. */
  podNetwork: { gateway: string; cidr: string; bridge?: string };
  /** Default 10.96.0.0/16, which the API server gives ClusterIPs from. */
  serviceCidr?: string;
  /** Undefined: this process may not change the machine's network. DNS and node ports are served all the same. */
  hostCommands: HostCommands | undefined;
  /** Where the API server listens. Pods reach a loopback address by a relay at the gateway. */
  apiServer?: { host: string; port: number };
  logger: Logger;
  clock: Clock;
}

export interface ServiceNetwork {
  /** The name servers for pods; none where pods cannot reach ours. */
  clusterDns: string[];
  clusterDomain: string;
  /** Looks whether the rules are still as they should be: call when docker is back, which writes its own anew. */
  resync(): void;
  /** Takes away all rules and ends all listeners. */
  stop(): Promise<void>;
}

export const clusterDomain = "cluster.local";
const defaultServiceCidr = "10.96.0.0/16";
const clusterDnsAddress = "10.96.0.10";
/** Changes that come faster are written together. */
const syncIntervalMs = 100;
const retryMs = 1000;

/** Starts it; resolves when what there is already is served. Rejects when the gateway cannot be listened on. */
export async function startServiceNetwork(options: ServiceNetworkOptions): Promise<ServiceNetwork> {
  const { client, informers, podNetwork, serviceCidr = defaultServiceCidr, logger, clock } = options;
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const zone = new ClusterZone({
      informers,
      clusterDomain,
      address: clusterDnsAddress,
      podCidr: podNetwork.cidr,
      serviceCidr,
      now: () => clock.now(),
    });
    const dns = await startDns(zone, options);
    undo.push(() => dns.close());
    undo.push(() => unpublishDns(client).catch(() => undefined));
    await publishDns(client, clusterDnsAddress, { ip: dns.address, port: dns.port });
    const relay = await relayApiServer(options);
    if (relay !== undefined) undo.push(() => relay.close());

    const ports = [
      { port: dns.port, protocol: "UDP" as const },
      { port: dns.port, protocol: "TCP" as const },
    ];
    const gatewayPorts = relay === undefined ? ports : [...ports, { port: relay.port, protocol: "TCP" as const }];
    const programmed =
      options.hostCommands === undefined
        ? undefined
        : await programHost(options, options.hostCommands, {
            podCidr: podNetwork.cidr,
            serviceCidr,
            gatewayPorts,
            dns,
          });
    if (programmed !== undefined) undo.push(() => programmed.stop());
    else warnOfWhatIsMissing(logger, dns);

    const nodePorts = new NodePortListeners(programmed === undefined ? "0.0.0.0" : "127.0.0.1", logger);
    undo.push(() => nodePorts.close());
    const listenLoop = new SyncLoop({
      sync: async () => nodePorts.update(table.entries()),
      onError: (error) => logger.error("listening on node ports failed", { error: String(error) }),
      clock,
      intervalMs: syncIntervalMs,
      retryMs,
    });
    const table = new ServiceTable(informers, () => listenLoop.request());
    undo.push(() => listenLoop.stop());
    undo.push(() => table.stop());
    await zone.synced();
    const reachable = programmed !== undefined ? clusterDnsAddress : dns.port === 53 ? dns.address : undefined;
    return {
      clusterDns: reachable === undefined ? [] : [reachable],
      clusterDomain,
      resync: () => programmed?.resync(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Takes away what a run that crashed left on this machine. */
export async function removeServiceNetwork(clusterId: string, hostCommands: HostCommands): Promise<void> {
  const { prefix } = chainNames(clusterId);
  await new Iptables(hostCommands, prefix).remove();
  await removeServiceRoute(hostCommands, prefix);
}

function startDns(zone: ClusterZone, { podNetwork, clock, logger }: ServiceNetworkOptions): Promise<DnsServer> {
  const host = new HostNameservers(() => clock.now());
  const ours = new Set([podNetwork.gateway, clusterDnsAddress]);
  const upstream = new Upstream({
    // A machine that asks us for its own names must not be asked by us.
    servers: async () =>
      (await host.servers()).filter((address) => !ours.has(address)).map((address) => ({ address, port: 53 })),
    clock,
  });
  const resolver = createResolver(zone, new Forwarder(upstream, clock));
  return startDnsServer({ address: podNetwork.gateway, ports: [53, 0], resolver, logger });
}

async function relayApiServer({ client, podNetwork, apiServer }: ServiceNetworkOptions): Promise<Relay | undefined> {
  if (apiServer === undefined || !/^(127\.|localhost$|::1$)/.test(apiServer.host)) return undefined;
  const relay = await startRelay(podNetwork.gateway, apiServer);
  await publishApiServer(client, { ip: podNetwork.gateway, port: relay.port });
  return relay;
}

interface HostFacts {
  podCidr: string;
  serviceCidr: string;
  gatewayPorts: NetworkFacts["gatewayPorts"];
  dns: DnsServer;
}

/** Writes the rules, and goes on writing what changes. */
async function programHost(options: ServiceNetworkOptions, commands: HostCommands, host: HostFacts) {
  const { clusterId, informers, podNetwork, logger, clock } = options;
  const { podCidr, serviceCidr, gatewayPorts, dns } = host;
  const names = chainNames(clusterId);
  const bridge = podNetwork.bridge ?? interfaceOf(podNetwork.gateway);
  const iptables = new Iptables(commands, names.prefix);
  const forget = conntrack(commands, logger);
  const bridgedPackets = await bridgedPacketsPassIptables();
  const { gateway } = podNetwork;
  const owner = await ownerComment();
  const facts: NetworkFacts = { podCidr, serviceCidr, gateway, bridgedPackets, owner, gatewayPorts };
  const dnsPod: PolicyPod = {
    namespace: "kube-system",
    ip: dns.address,
    labels: { "k8s-app": "kube-dns" },
    ports: [
      { name: "dns", port: dns.port, protocol: "UDP" },
      { name: "dns-tcp", port: dns.port, protocol: "TCP" },
    ],
  };
  let written: ServicePortEntry[] = [];
  let looksAtRules = false;
  let saidUnenforced = false;
  // The first time is waited for, here; the loop must not write at the same time.
  let isWritten = false;
  let hasSwept = false;

  const sync = async (): Promise<void> => {
    if (looksAtRules) {
      await iptables.check();
      looksAtRules = false;
    }
    const entries = services.entries();
    const rules = new Map(serviceRules(entries, names, facts));
    const jumps = serviceJumps(names);
    if (!policies.isEmpty) {
      const policyFacts = { podCidr, dns: { ip: dns.address, port: dns.port } };
      for (const [name, chains] of policyRules(policies.state([dnsPod]), names, policyFacts)) rules.set(name, chains);
      jumps.push(...policyJumps(names));
      if (!bridgedPackets && !saidUnenforced) {
        saidUnenforced = true;
        logger.warn(
          "NetworkPolicies do not hold between pods: packets on a bridge do not pass iptables here. " +
            "To change that, as root: modprobe br_netfilter; sysctl -w net.bridge.bridge-nf-call-iptables=1",
        );
      }
    }
    await iptables.apply(rules, jumps);
    const before = written;
    written = entries;
    await forget(staleFlows(before, entries));
    if (bridgedPackets && bridge !== undefined) await allowHairpin(bridge, commands);
    if (!isWritten || hasSwept) return;
    // Nobody waits for this.
    hasSwept = true;
    await removeOrphans(commands).catch((error) =>
      logger.warn("rules of clusters that crashed could not be removed", { error: String(error) }),
    );
  };
  const loop = new SyncLoop({
    sync,
    onError: (error) =>
      logger.error("writing the rules of Services failed, it will be tried again", { error: String(error) }),
    clock,
    intervalMs: syncIntervalMs,
    retryMs,
  });
  const changed = (): void => {
    if (isWritten) loop.request();
  };
  const services = new ServiceTable(informers, changed);
  const policies = new PolicyTable(informers, changed);
  const stop = async (): Promise<void> => {
    services.stop();
    policies.stop();
    await loop.stop();
    await iptables
      .remove()
      .catch((error) => logger.error("rules of Services could not be removed", { error: String(error) }));
    await removeServiceRoute(commands, names.prefix);
  };
  try {
    await Promise.all([services.synced(), policies.synced()]);
    await addServiceRoute(commands, names.prefix, { serviceCidr, gateway }).catch((error) =>
      logger.warn("there is no route to ClusterIPs from this machine itself", { error: String(error) }),
    );
    await sync();
    isWritten = true;
    loop.request();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    resync(): void {
      looksAtRules = true;
      loop.request();
    },
    stop,
  };
}

function interfaceOf(address: string): string | undefined {
  const all = Object.entries(networkInterfaces());
  return all.find(([, addresses]) => addresses?.some((each) => each.address === address))?.[0];
}

function warnOfWhatIsMissing(logger: Logger, dns: DnsServer): void {
  const names = dns.port === 53 ? "names work" : "names do not work in pods";
  logger.warn(
    "Neither root nor docker lets Podwright write rules of iptables: ClusterIPs cannot be reached and " +
      `NetworkPolicies do not hold; pods reach each other by their own addresses, ${names}, NodePorts are served`,
  );
}
