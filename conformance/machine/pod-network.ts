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

/** Starts containerd with the pods' network; the bridge goes with what is undone. */
export async function startNetworkedContainerd(
  folder: string,
  network: PodNetwork,
  undo: (() => unknown)[],
): Promise<Containerd> {
  undo.push(() => run("ip", ["link", "del", network.bridge]).catch(() => {}));
  return startContainerd({ folder, network: { bridge: network.bridge, subnet: network.cidr } });
}
