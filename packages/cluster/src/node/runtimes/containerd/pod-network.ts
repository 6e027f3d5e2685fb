import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { GrpcConnection } from "@podwright/containerd";
import { cri } from "@podwright/containerd/cri";
import { isDead } from "../owner-process.ts";
import type { RuntimeMachine } from "../runtime-machine.ts";

type PodNetwork = RuntimeMachine["podNetwork"];

export interface CniNetworkOptions {
  /** Names what is made. */
  clusterId: string;
  /** The process without which the network is nobody's; undefined: it stays until it is removed. */
  process?: string;
  /** The range of a network that is made. Default: one that is free. */
  cidr?: string;
}

interface CriInfo {
  cniConfDir: string;
  networks: CniConfiguration[];
}

interface CniConfiguration {
  name: string;
  plugins: { type: string; bridge?: string; subnet?: string }[];
}

/**
 * The pods' network as containerd has it, or one of ours where it has none: a bridge with addresses of its own.
 * Undefined where it is somebody else's, whose Services are somebody else's too. Throws an Error that says what is
 * missing.
 */
export async function openCniNetwork(connection: GrpcConnection, options: CniNetworkOptions): Promise<PodNetwork> {
  const { cniConfDir, networks } = await criInfo(connection);
  const bridged = networks.flatMap(({ plugins }) => plugins).find(({ type }) => type === "bridge");
  if (bridged?.bridge !== undefined && bridged.subnet !== undefined) {
    const podNetwork = networkOf(bridged.bridge, bridged.subnet);
    await ensureBridge(podNetwork);
    return podNetwork;
  }
  if (networks.length > 0) return undefined;
  const podNetwork = networkOf(bridgeOf(options.clusterId), options.cidr ?? freeRange());
  const path = configurationPath(cniConfDir, options.clusterId);
  try {
    await mkdir(cniConfDir, { recursive: true });
    await writeFile(path, JSON.stringify(configuration(podNetwork.bridge, podNetwork.cidr, options.process)));
    await ensureBridge(podNetwork);
    await networkReady(connection);
    return podNetwork;
  } catch (error) {
    await removeFrom(cniConfDir, options.clusterId);
    throw error;
  }
}

/** Takes away the network that was made for a cluster. Its pods are gone. False when there is none. */
export async function removeCniNetwork(connection: GrpcConnection, clusterId: string): Promise<boolean> {
  return removeFrom((await criInfo(connection)).cniConfDir, clusterId);
}

async function removeFrom(cniConfDir: string, clusterId: string): Promise<boolean> {
  const path = configurationPath(cniConfDir, clusterId);
  if ((await readFile(path, "utf8").catch(() => undefined)) === undefined) return false;
  await run("ip", ["link", "delete", bridgeOf(clusterId)]).catch(() => {});
  await rm(join(addressesFolder, bridgeOf(clusterId)), { recursive: true, force: true });
  await rm(path, { force: true });
  return true;
}

/** The clusters whose networks are there although the processes that they belong to have ended. */
export async function abandonedNetworks(connection: GrpcConnection): Promise<string[]> {
  const { cniConfDir } = await criInfo(connection);
  const names = await readdir(cniConfDir).catch(() => []);
  const abandoned: string[] = [];
  for (const name of names) {
    const id = /^10-podwright-([0-9a-f]+)\.conflist$/.exec(name)?.[1];
    if (id === undefined) continue;
    const { podwright } = JSON.parse(await readFile(join(cniConfDir, name), "utf8").catch(() => "{}"));
    if (podwright?.process !== undefined && (await isDead(podwright.process))) abandoned.push(id);
  }
  return abandoned;
}

function configurationPath(cniConfDir: string, clusterId: string): string {
  return join(cniConfDir, `10-podwright-${clusterId}.conflist`);
}

/** Interfaces' names have 15 letters at most. */
function bridgeOf(clusterId: string): string {
  return `pwt-${clusterId.slice(0, 8)}`;
}

/** Where the plugin that gives addresses keeps them. */
const addressesFolder = "/var/lib/cni/networks";

const run = promisify(execFile);

function networkOf(bridge: string, cidr: string): { gateway: string; cidr: string; bridge: string } {
  const [base = "", length = ""] = cidr.split("/");
  const parts = base.split(".").map(Number);
  parts[3] = (parts[3] ?? 0) + 1;
  return { gateway: parts.join("."), cidr: `${base}/${length}`, bridge };
}

/** The plugin makes it with the first pod; its gateway is needed before. */
async function ensureBridge({ bridge, gateway, cidr }: { bridge: string; gateway: string; cidr: string }) {
  const has = networkInterfaces()[bridge]?.some(({ address }) => address === gateway) ?? false;
  if (has) return;
  await run("ip", ["link", "add", bridge, "type", "bridge"]).catch(() => {});
  await run("ip", ["address", "replace", `${gateway}/${cidr.split("/")[1]}`, "dev", bridge]);
  await run("ip", ["link", "set", bridge, "up"]);
}

function configuration(bridge: string, subnet: string, owner: string | undefined): object {
  return {
    cniVersion: "0.4.0",
    name: bridge,
    // Of no interest to plugins.
    ...(owner === undefined ? {} : { podwright: { process: owner } }),
    plugins: [
      {
        type: "bridge",
        bridge,
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: { type: "host-local", ranges: [[{ subnet }]], routes: [{ dst: "0.0.0.0/0" }] },
      },
      { type: "portmap", capabilities: { portMappings: true } },
      // Lets pods out where docker's policy for forwarded packets is to drop them.
      { type: "firewall" },
    ],
  };
}

/** 10.200.0.0/24 and the next ones: the first that no interface of this machine is in. */
function freeRange(): string {
  const taken = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  for (let third = 0; third < 256; third++) {
    const prefix = `10.200.${third}.`;
    if (!taken.some(({ address }) => address.startsWith(prefix))) return `${prefix}0/24`;
  }
  throw new Error("no range is free for the pods' network: name one");
}

/** What containerd says of its networks, in the debugging part of its status. */
async function criInfo(connection: GrpcConnection): Promise<CriInfo> {
  const { info } = await connection.unary(cri.status, { verbose: true });
  const config = JSON.parse(info["config"] ?? "{}") as { cni?: { confDir?: string } };
  const cni = JSON.parse(info["cniconfig"] ?? "{}") as {
    Networks?: { Config?: { Name?: string; Plugins?: { Network?: { type?: string }; Source?: string }[] } }[];
  };
  const networks = (cni.Networks ?? []).map(({ Config }) => ({
    name: Config?.Name ?? "",
    plugins: (Config?.Plugins ?? []).map(({ Network, Source }) => pluginOf(Network?.type ?? "", Source)),
  }));
  return {
    cniConfDir: config.cni?.confDir || "/etc/cni/net.d",
    // The loopback interface's is containerd's own.
    networks: networks.filter(({ name }) => name !== "cni-loopback"),
  };
}

function pluginOf(type: string, source = "{}"): CniConfiguration["plugins"][number] {
  const { bridge, ipam } = JSON.parse(source) as {
    bridge?: string;
    ipam?: { subnet?: string; ranges?: { subnet?: string }[][] };
  };
  const subnet = ipam?.subnet ?? ipam?.ranges?.[0]?.[0]?.subnet;
  return { type, ...(bridge && { bridge }), ...(subnet && { subnet }) };
}

/** containerd reads the folder when it changes, and has no event of its own for it. */
async function networkReady(connection: GrpcConnection): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { status } = await connection.unary(cri.status, {});
    const network = status?.conditions.find(({ type }) => type === "NetworkReady");
    if (network?.status) return;
    await sleep(50);
  }
  throw new Error("containerd does not take up the pods' network: are its CNI plugins installed?");
}
