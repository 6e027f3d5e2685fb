import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { containerdMissing } from "@podwright/containerd/testing";
import { freePort } from "@podwright/containerd/testing/free-port";
import { ociArchive } from "@podwright/operator/testing";

const realkube = fileURLToPath(new URL("../../shared/realkube", import.meta.url));
const run = promisify(execFile);

/** A real control plane with one real node: containerd, CNI, kubelet. One at a time on a machine. */
export interface RealNode {
  name: string;
  kubeconfig: string;
  /** containerd's. */
  socket: string;
  /** Imports busybox with a file /version that says which image it is. It waits, unless told to do else. */
  importImage(name: string, version: string, cmd?: string[]): Promise<void>;
  ctrImages(...args: string[]): void;
  stop(): Promise<void>;
}

/** Why there can be none here, or undefined when there can. */
export function realNodeMissing(): string | undefined {
  return containerdMissing() ?? (existsSync(`${realkube}/node`) ? undefined : "no ../shared/realkube");
}

export async function startRealNode(name: string): Promise<RealNode> {
  const folder = await mkdtemp("/tmp/pwn-");
  const stop = async () => {
    await run(`${realkube}/down`, [folder]);
    await rm(folder, { recursive: true, force: true });
  };
  const socket = join(folder, "containerd.sock");
  try {
    // The two below and above it are most likely free as well, as `up` takes them.
    await run(`${realkube}/up`, [folder, String(await freePort())]);
    await run(`${realkube}/node`, [folder, name]);
  } catch (error) {
    await stop();
    throw error;
  }
  const ctrImages = (...args: string[]) =>
    void execFileSync("ctr", ["-a", socket, "-n", "k8s.io", "images", ...args], { stdio: "ignore" });
  return {
    name,
    kubeconfig: join(folder, "kubeconfig"),
    socket,
    ctrImages,
    async importImage(image, version, cmd) {
      const busybox = await readFile("/bin/busybox");
      const links = ["sh", "sleep", "cat"].map((tool) => [`bin/${tool}`, { link: "busybox" }] as const);
      const { archive } = await ociArchive({
        names: [`docker.io/library/${image}`],
        files: {
          "bin/busybox": { data: busybox },
          ...Object.fromEntries(links),
          version: { data: version, mode: 0o644 },
        },
        cmd: cmd ?? ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"],
        created: new Date().toISOString(),
      });
      const file = join(folder, `${version}.tar`);
      await writeFile(file, archive);
      ctrImages("import", file);
    },
    stop,
  };
}
