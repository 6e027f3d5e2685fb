import { readFile } from "node:fs/promises";
import {
  createNetwork,
  type DockerClient,
  DockerError,
  isConflict,
  listNetworks,
  type NetworkInspection,
} from "@podwright/docker";
import { clusterLabel, processLabel } from "../labels.ts";
import { thisProcess } from "../owner-process.ts";

/** The network that all pods of a cluster share: a docker network of its own. */
export interface PodNetwork {
  /** Docker's name for it. */
  name: string;
  cidr: string;
  /** The bridge's own address. */
  gateway: string;
  /** The bridge's name on the daemon's machine. */
  bridge: string;
}

export interface PodNetworkOptions {
  docker: DockerClient;
  clusterId: string;
  /** The cluster ends with this process. */
  temporary: boolean;
  /** Otherwise a range that nobody uses is chosen. */
  cidr?: string;
}

/**
 * The cluster's network, made when it is not there. Docker gives addresses of its upper half, the lower one is for
 * those that are given without it (see direct-network.ts). Throws when no range is free.
 */
export async function openPodNetwork({ docker, clusterId, temporary, cidr }: PodNetworkOptions): Promise<PodNetwork> {
  const all = await listNetworks(docker);
  const existing = all.find(({ Labels }) => Labels?.[clusterLabel] === clusterId);
  if (existing !== undefined) return describe(existing);
  const taken = [
    ...all.flatMap(({ IPAM }) => (IPAM.Config ?? []).map(({ Subnet = "" }) => Subnet)),
    ...(await routes()),
  ]
    .map(parseRange)
    .filter((range) => range !== undefined);
  const labels = { [clusterLabel]: clusterId, ...(temporary ? { [processLabel]: await thisProcess() } : {}) };
  const candidates = cidr === undefined ? freeRanges(taken, clusterId) : [cidr];
  let failure: unknown = new Error("no range of addresses is free for pods: name one with --pod-cidr");
  for (const range of candidates) {
    try {
      return await make(docker, clusterId, labels, range);
    } catch (error) {
      // Somebody has it whom we do not see: another machine's routes, a network made this moment.
      if (!(error instanceof DockerError) || error.status === 0 || isConflict(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

async function make(
  docker: DockerClient,
  clusterId: string,
  labels: Record<string, string>,
  cidr: string,
): Promise<PodNetwork> {
  const { first, size } = parseRange(cidr) as AddressRange;
  const prefix = 32 - Math.log2(size);
  const network = {
    name: `podwright-${clusterId}`,
    cidr,
    gateway: toText(first + 1),
    bridge: `pw-${clusterId.slice(0, 12)}`,
  };
  await createNetwork(docker, {
    Name: network.name,
    Driver: "bridge",
    Labels: labels,
    Options: { "com.docker.network.bridge.name": network.bridge },
    IPAM: {
      Config: [{ Subnet: cidr, Gateway: network.gateway, IPRange: `${toText(first + size / 2)}/${prefix + 1}` }],
    },
  });
  return network;
}

function describe({ Name, Options, IPAM, Id }: NetworkInspection): PodNetwork {
  const { Subnet = "", Gateway = "" } = IPAM.Config?.[0] ?? {};
  const bridge = Options?.["com.docker.network.bridge.name"] ?? `br-${Id.slice(0, 12)}`;
  return { name: Name, cidr: Subnet, gateway: Gateway.replace(/\/.*$/, ""), bridge };
}

/** Room for 500 pods by docker and as many without. */
const wantedSize = 1024;

/**
 * Ranges that are free as far as is known, outside of those that clusters are given by habit. At most ten to try; each
 * cluster begins at another one, so that two that start at once do not meet.
 */
function freeRanges(taken: readonly AddressRange[], clusterId: string): string[] {
  const ranges = ["10.200.0.0", "172.29.0.0", "192.168.240.0"].flatMap((from) => {
    const size = from.startsWith("192") ? 4096 : 65_536;
    return Array.from({ length: size / wantedSize }, (_unused, index) => toNumber(from) + index * wantedSize);
  });
  const begin = Number.parseInt(clusterId.slice(0, 8), 16) % 64 || 0;
  return [...ranges.slice(begin), ...ranges.slice(0, begin)]
    .filter((first) => !taken.some((range) => first < range.first + range.size && range.first < first + wantedSize))
    .slice(0, 10)
    .map((first) => `${toText(first)}/22`);
}

/** The machine's own routes, where it says: bridges of other daemons, VPNs. The default route is none. */
async function routes(): Promise<string[]> {
  const table = await readFile("/proc/net/route", "utf8").catch(() => "");
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .filter((fields) => fields.length > 7 && fields[1] !== "00000000")
    .map((fields) => `${fromHex(fields[1] ?? "")}/${bitsOf(fields[7] ?? "")}`);
}

interface AddressRange {
  first: number;
  size: number;
}

function parseRange(cidr: string): AddressRange | undefined {
  const [address = "", prefix] = cidr.split("/");
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(address)) return undefined;
  const size = 2 ** (32 - Number(prefix ?? 32));
  return { first: Math.floor(toNumber(address) / size) * size, size };
}

/** Little-endian, as /proc/net/route has addresses. */
function fromHex(hex: string): string {
  return (hex.match(/../g) ?? [])
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join(".");
}

function bitsOf(hexMask: string): number {
  return Number.parseInt(hexMask, 16).toString(2).replaceAll("0", "").length;
}

function toNumber(address: string): number {
  return address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join(".");
}
