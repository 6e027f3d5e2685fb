import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDaemon } from "@podwright/containerd/testing/daemon";
import { daemonsMissing } from "@podwright/containerd/testing/programs";
import { answers, DockerClient } from "@podwright/docker";

/** A dockerd of a test's own, with its own containerd, in a temporary directory. */
export interface DockerDaemon {
  folder: string;
  socket: string;
  /** Runs docker against it and gives what it prints. */
  docker(args: readonly string[], input?: string | Buffer): string;
  /** Ends it as kill -9 does, and leaves what it stored. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Why there can be no dockerd here, or undefined when there can. */
export function dockerMissing(): string | undefined {
  return daemonsMissing("dockerd", "docker");
}

export async function startDockerDaemon(): Promise<DockerDaemon> {
  // Short: containerd's sockets are below.
  const folder = await mkdtemp(join(tmpdir(), "pwd-"));
  const socket = join(folder, "docker.sock");
  const start = () =>
    startDaemon({
      command: "dockerd",
      args: [
        `--host=unix://${socket}`,
        `--data-root=${folder}/data`,
        `--exec-root=${folder}/exec`,
        `--pidfile=${folder}/docker.pid`,
        "--bridge=none",
        "--iptables=false",
        "--storage-driver=vfs",
      ],
      folder,
      log: join(folder, "dockerd.log"),
      ready: () => answered(socket),
    });
  let daemon = await start();
  return {
    folder,
    socket,
    docker: (args, input) =>
      execFileSync("docker", ["-H", `unix://${socket}`, ...args], {
        encoding: "utf8",
        stdio: ["pipe", "pipe", "pipe"],
        env: { ...process.env, DOCKER_BUILDKIT: "0" },
        maxBuffer: 256 << 20,
        ...(input === undefined ? {} : { input }),
      }).trim(),
    async kill() {
      await daemon.kill();
      await killContainerd(folder);
    },
    async restart() {
      await rm(`${folder}/docker.pid`, { force: true });
      daemon = await start();
    },
    async stop() {
      await daemon.stop();
      await unmountBelow(folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answered(socket: string): Promise<void> {
  const docker = new DockerClient({ socketPath: socket });
  try {
    if (!(await answers(docker, 500))) throw new Error("it does not answer");
  } finally {
    docker.close();
  }
}

/** A dockerd that was killed leaves what it mounted. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile("/proc/mounts", "utf8")).split("\n").map((line) => line.split(" ")[1] ?? "");
  for (const path of mounts.filter((each) => each.startsWith(`${folder}/`)).reverse()) {
    execFileSync("umount", ["-l", path], { stdio: "ignore" });
  }
}

/** A dockerd that is killed leaves its containerd. */
async function killContainerd(folder: string): Promise<void> {
  const pid = Number(await readFile(`${folder}/exec/containerd/containerd.pid`, "utf8").catch(() => ""));
  if (!(pid > 1)) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It went with the daemon.
  }
  await rm(`${folder}/exec/containerd/containerd.pid`, { force: true });
}
