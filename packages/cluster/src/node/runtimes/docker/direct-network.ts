import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { access } from "node:fs/promises";
import { AddressRange } from "../../addresses.ts";
import type { PodNetwork } from "./pod-network.ts";

/**
 * Connects pods to the bridge of their network by itself, with ip(8). Docker does the same but takes 150 to 250 ms
 * for each container, most of them for a resolver that pods must not have. Needs root on the daemon's machine.
 */
export class DirectNetwork {
  readonly #network: PodNetwork;
  readonly #addresses: AddressRange;
  readonly #prefix: string;

  constructor(network: PodNetwork) {
    this.#network = network;
    const [base = "", prefix = ""] = network.cidr.split("/");
    // Docker's own addresses are in the upper half.
    this.#addresses = new AddressRange(`${base}/${Number(prefix) + 1}`);
    this.#prefix = prefix;
  }

  /** An address for a pod. Throws when all are taken. */
  take(): string {
    const address = this.#addresses.take();
    if (address === undefined) throw new Error(`no free address in ${this.#addresses.cidr}`);
    return address;
  }

  reserve(address: string): void {
    this.#addresses.reserve(address);
  }

  release(address: string): void {
    this.#addresses.release(address);
  }

  /** Gives the network namespace of a process its interface eth0. It goes with the namespace. */
  async connect(pid: number, address: string, podUid: string): Promise<void> {
    const { bridge, gateway } = this.#network;
    const outer = `pw${createHash("sha256").update(podUid).update(String(pid)).digest("hex").slice(0, 12)}`;
    await ip(
      [],
      [
        `link add ${outer} type veth peer name eth0 netns ${pid}`,
        `link set ${outer} master ${bridge} up`,
        `link set ${outer} type bridge_slave hairpin on`,
      ],
    );
    await ip(
      ["nsenter", "-t", String(pid), "-n"],
      [
        `addr add ${address}/${this.#prefix} dev eth0`,
        "link set lo up",
        "link set eth0 up",
        `route add default via ${gateway}`,
      ],
    );
  }
}

/** Runs ip with a batch of commands; throws with what it said. */
async function ip(before: readonly string[], batch: readonly string[]): Promise<void> {
  const [command = "ip", ...args] = [...before, "ip", "-batch", "-"];
  const child = spawn(command, args, { stdio: ["pipe", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(0, 4096);
  });
  child.stdin.on("error", () => {});
  child.stdin.end(`${batch.join("\n")}\n`);
  const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(`connecting a pod to its network failed: ${said.trim()}`);
}

/** The network for direct use where this process may and the bridge is on this machine; undefined otherwise. */
export async function openDirectNetwork(network: PodNetwork): Promise<DirectNetwork | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  try {
    await access(`/sys/class/net/${network.bridge}/bridge`);
    await ip([], [`link show dev ${network.bridge}`]);
    return new DirectNetwork(network);
  } catch {
    return undefined;
  }
}
