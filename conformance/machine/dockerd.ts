import { execFile, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Daemon, startDaemon } from "@podwright/containerd/testing/daemon";
import { type ImageDescription, imageArchive } from "./images.ts";

/** A dockerd of a test's own. */
export interface Dockerd extends Daemon {
  /** Path of its socket. */
  socket: string;
  /** Runs docker; gives what it prints. */
  docker(...args: string[]): Promise<string>;
  /** The same with something on its standard input. */
  dockerWith(input: Buffer | string, ...args: string[]): Promise<string>;
  /** Puts images of busybox-static into it. */
  load(...images: ImageDescription[]): Promise<void>;
  /** Puts images into it from an archive of `docker save`. */
  loadArchive(path: string): Promise<void>;
  /** Starts it again on what it has, after {@link Daemon.stop} or {@link Daemon.kill}. */
  startAgain(): Promise<void>;
}

/**
 * Starts dockerd with everything in a folder, which must have a short path, and without a default bridge. Containers
 * that run when it is stopped live on when `liveRestore` is set. Needs root.
 */
export async function startDockerd(options: {
  folder: string;
  liveRestore?: boolean;
  args?: string[];
}): Promise<Dockerd> {
  const { folder } = options;
  const socket = join(folder, "docker.sock");
  const env = { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(folder, "client") };
  const docker = async (...args: string[]) => (await promisify(execFile)("docker", args, { env })).stdout;
  await writeFile(join(folder, "daemon.json"), "{}");
  const startOnce = () =>
    startDaemon({
      command: "dockerd",
      args: [
        `--host=unix://${socket}`,
        `--data-root=${join(folder, "data")}`,
        `--exec-root=${join(folder, "exec")}`,
        `--pidfile=${join(folder, "docker.pid")}`,
        `--config-file=${join(folder, "daemon.json")}`,
        "--bridge=none",
        ...(options.liveRestore ? ["--live-restore"] : []),
        ...(options.args ?? []),
      ],
      folder,
      log: join(folder, "dockerd.log"),
      ready: () => docker("version"),
    });
  const start = () =>
    startOnce().catch((error: Error) => {
      // Two that start at the same moment get in each other's way, at the chains that they share.
      if (!error.message.includes("iptables failed")) throw error;
      return startOnce();
    });
  let daemon = await start();
  const dockerd: Dockerd = {
    get pid() {
      return daemon.pid;
    },
    socket,
    docker,
    dockerWith: (input, ...args) =>
      new Promise((resolve, reject) => {
        const child = spawn("docker", args, { env, stdio: ["pipe", "pipe", "pipe"] });
        let output = "";
        let errors = "";
        child.stdout.on("data", (chunk) => {
          output += chunk;
        });
        child.stderr.on("data", (chunk) => {
          errors += chunk;
        });
        child.on("error", reject);
        child.on("exit", (code) =>
          code === 0 ? resolve(output) : reject(new Error(`docker ${args.join(" ")}: ${errors}`)),
        );
        child.stdin.on("error", () => {});
        child.stdin.end(input);
      }),
    async load(...images) {
      await dockerd.dockerWith(await imageArchive(...images), "load");
    },
    async loadArchive(path) {
      await docker("load", "-i", path);
    },
    stop: () => daemon.stop(),
    kill: () => daemon.kill(),
    async startAgain() {
      daemon = await start();
    },
  };
  return dockerd;
}
