import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { type Daemon, startDaemon } from "@podwright/containerd/testing/daemon";
import { nerdctlFolder } from "./programs.ts";

/** nerdctl on a containerd of a test's own, in its namespace k8s.io, with a buildkitd to build with. */
export interface Nerdctl {
  /** Gives what it prints. */
  nerdctl(args: string[], cwd?: string): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts buildkitd with everything in a folder, which must have a short path. It builds in containerd, in a namespace
 * of its own. Needs root.
 */
export async function startNerdctl(options: { folder: string; containerd: string }): Promise<Nerdctl> {
  const { folder, containerd } = options;
  await mkdir(join(folder, "cni"), { recursive: true });
  const address = `unix://${join(folder, "buildkit.sock")}`;
  const run = promisify(execFile);
  const buildkitd: Daemon = await startDaemon({
    command: join(nerdctlFolder, "buildkitd"),
    args: [
      ...["--config", "/dev/null", "--root", join(folder, "buildkit"), "--addr", address],
      ...["--oci-worker=false", "--containerd-worker=true", "--containerd-worker-addr", containerd],
      ...["--containerd-worker-namespace", "buildkit", "--containerd-worker-net", "host"],
    ],
    folder,
    log: join(folder, "buildkitd.log"),
    ready: () => run(join(nerdctlFolder, "buildctl"), ["--addr", address, "debug", "workers"]),
  });
  const env = {
    ...process.env,
    PATH: [nerdctlFolder, process.env["PATH"]].join(delimiter),
    BUILDKIT_HOST: address,
    NERDCTL_TOML: "/dev/null",
    DOCKER_CONFIG: join(folder, "client"),
  };
  const global = [
    ...["--address", containerd, "--namespace", "k8s.io"],
    ...["--data-root", join(folder, "data"), "--cni-netconfpath", join(folder, "cni")],
  ];
  return {
    async nerdctl(args, cwd = folder) {
      return (await run(join(nerdctlFolder, "nerdctl"), [...global, ...args], { cwd, env })).stdout;
    },
    stop: () => buildkitd.stop(),
  };
}
