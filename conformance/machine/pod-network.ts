import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Containerd, startContainerd } from "./containerd.ts";

const run = promisify(execFile);

export interface PodNetwork {
  bridge: string;
  cidr: string;
  gateway: string;
}

/** A range for pods and a bridge that no other lane on the machine has, nor one that was killed has left. */
export async function freeNetwork(): Promise<PodNetwork> {
  const taken = (await run("ip", ["-4", "-o", "addr"])).stdout;
  for (let i = process.pid; ; i++) {
    const prefix = `10.110.${i % 256}`;
    const network = { bridge: `pwt-${i % 256}`, cidr: `${prefix}.0/24`, gateway: `${prefix}.1` };
    if (!taken.includes(` ${prefix}.`) && (await takeBridge(network))) return network;
  }
}

/** Made at once, with its address. False when somebody has a bridge of that name. */
async function takeBridge({ bridge, gateway }: PodNetwork): Promise<boolean> {
  try {
    await run("ip", ["link", "add", bridge, "type", "bridge"]);
  } catch {
    return false;
  }
  await run("ip", ["addr", "add", `${gateway}/24`, "dev", bridge]);
  await run("ip", ["link", "set", bridge, "up"]);
  return true;
}

/**
 * Starts containerd with the pods' network. What is undone ends it with all pods on it, and takes the bridge away: a
 * kubelet that is stopped leaves them.
 */
export async function startNetworkedContainerd(
  folder: string,
  network: PodNetwork,
  undo: (() => unknown)[],
): Promise<Containerd> {
  undo.push(() => removeBridge(network.bridge));
  const containerd = await startContainerd({ folder, network: { bridge: network.bridge, subnet: network.cidr } });
  undo.push(async () => {
    await containerd.endTasks().catch(() => {});
    await containerd.stop();
  });
  return containerd;
}

/** With the network namespaces of the pods on it, which have names and live on without a process. */
async function removeBridge(bridge: string): Promise<void> {
  const links = await listed<{ link_netnsid?: number }>("link", "show", "master", bridge);
  const namespaces = await listed<{ name: string; id?: number }>("netns", "list");
  const ids = new Set(links.flatMap(({ link_netnsid }) => link_netnsid ?? []));
  const names = namespaces.flatMap(({ name, id }) => (id !== undefined && ids.has(id) ? [name] : []));
  for (const name of names) await run("ip", ["netns", "del", name]).catch(() => {});
  await run("ip", ["link", "del", bridge]).catch(() => {});
}

/** What ip prints as JSON: nothing where there is nothing. */
async function listed<T>(...args: string[]): Promise<T[]> {
  const { stdout } = await run("ip", ["-j", ...args]).catch(() => ({ stdout: "" }));
  return stdout.trim() === "" ? [] : JSON.parse(stdout);
}
