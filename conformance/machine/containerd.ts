import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Daemon, startDaemon } from "@podwright/containerd/testing/daemon";
import { type ImageDescription, imageArchive } from "./images.ts";

/** A containerd of a test's own. */
export interface Containerd extends Daemon {
  /** Path of its socket. */
  socket: string;
  /** Runs ctr, in the namespace k8s.io; gives what it prints. */
  ctr(...args: string[]): Promise<string>;
  /** Puts images of busybox-static into it. */
  load(...images: ImageDescription[]): Promise<void>;
  /** Puts images into it from an archive of `docker save`. */
  loadArchive(path: string): Promise<void>;
  /** Ends all that runs in it, which would live on without it. */
  endTasks(): Promise<void>;
  /** Starts it again on what it has, after {@link Daemon.stop} or {@link Daemon.kill}. */
  startAgain(): Promise<void>;
}

const pause = "registry.k8s.io/pause:3.10";

/**
 * Starts containerd with a CNI bridge of its own: everything in the folder but the bridge. Needs root.
 *
 * @param options.network a bridge's name, and the range of the pods ("10.105.0.0/24"); undefined: it has no network
 */
export async function startContainerd(options: {
  folder: string;
  network?: { bridge: string; subnet: string };
}): Promise<Containerd> {
  const { folder, network } = options;
  const socket = join(folder, "containerd.sock");
  await mkdir(join(folder, "cni"), { recursive: true });
  if (network !== undefined) {
    await writeFile(join(folder, "cni", "10-pods.conflist"), JSON.stringify(cniConfiguration(network)));
  }
  await writeFile(join(folder, "containerd.toml"), configuration(folder, socket));
  const run = promisify(execFile);
  const ctr = async (...args: string[]) => (await run("ctr", ["-a", socket, "-n", "k8s.io", ...args])).stdout;
  const start = () =>
    startDaemon({
      command: "containerd",
      args: ["-c", join(folder, "containerd.toml")],
      folder,
      log: join(folder, "containerd.log"),
      ready: () => ctr("version"),
    });
  let daemon = await start();
  const containerd: Containerd = {
    get pid() {
      return daemon.pid;
    },
    socket,
    ctr,
    async load(...images) {
      const path = join(folder, "images.tar");
      await writeFile(path, await imageArchive(...images));
      await containerd.loadArchive(path);
    },
    async loadArchive(path) {
      await ctr("images", "import", path);
    },
    async endTasks() {
      const ids = (await ctr("tasks", "list", "--quiet")).split("\n").filter((id) => id !== "");
      if (ids.length > 0) await ctr("tasks", "delete", "--force", ...ids);
    },
    stop: () => daemon.stop(),
    kill: () => daemon.kill(),
    async startAgain() {
      daemon = await start();
    },
  };
  const forever = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait; done";
  await containerd.load({ name: pause, command: ["sh", "-c", forever] });
  return containerd;
}

function cniConfiguration({ bridge, subnet }: { bridge: string; subnet: string }): object {
  return {
    cniVersion: "0.4.0",
    name: bridge,
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
      { type: "loopback" },
    ],
  };
}

function configuration(folder: string, socket: string): string {
  return `version = 2
root = "${folder}/root"
state = "${folder}/state"
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pause}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${folder}/cni"
`;
}
