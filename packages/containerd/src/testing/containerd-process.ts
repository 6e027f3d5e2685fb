import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GrpcConnection } from "../connection.ts";
import { version } from "../services/version.ts";
import { startDaemon } from "./daemon.ts";
import { daemonsMissing } from "./programs.ts";

/** A containerd of a test's own: its socket, state and content are in a temporary directory. */
export interface ContainerdProcess {
  folder: string;
  socket: string;
  /** Runs ctr against it and gives what it prints. */
  ctr(...args: string[]): string;
  /** Ends the daemon as kill -9 does, and leaves what it stored. */
  kill(): Promise<void>;
  /** Starts the daemon again on the same folder. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Why there can be no containerd here, or undefined when there can. */
export function containerdMissing(): string | undefined {
  return daemonsMissing("containerd", "ctr");
}

/** Starts it without its CRI, which needs a network. */
export async function startContainerd(): Promise<ContainerdProcess> {
  const folder = await mkdtemp(join(tmpdir(), "pwc-"));
  const socket = join(folder, "c.sock");
  const config = join(folder, "config.toml");
  await writeFile(
    config,
    [
      "version = 2",
      `root = "${folder}/root"`,
      `state = "${folder}/state"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      `[grpc]\naddress = "${socket}"`,
      // Its own socket for shims, else it takes the machine's.
      `[ttrpc]\naddress = "${folder}/t.sock"`,
    ].join("\n"),
  );
  const start = () =>
    startDaemon({
      command: "containerd",
      args: ["--config", config, "--log-level", "error"],
      folder,
      log: join(folder, "containerd.log"),
      ready: () => answered(socket),
    });
  let daemon = await start();
  return {
    folder,
    socket,
    ctr: (...args) =>
      execFileSync("ctr", ["-a", socket, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }),
    kill: () => daemon.kill(),
    async restart() {
      daemon = await start();
    },
    async stop() {
      await daemon.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answered(socket: string): Promise<void> {
  const connection = new GrpcConnection({ socket });
  try {
    await version(connection, { timeoutMs: 500 });
  } finally {
    connection.close();
  }
}
