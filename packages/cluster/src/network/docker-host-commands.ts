/**
 * The machine's programs for who is not root but may use docker: a container in the machine's network, with the
 * machine's own files, and of root's rights only those over the network.
 */
import { access } from "node:fs/promises";
import {
  createContainer,
  createExec,
  type DockerClient,
  daemonInfo,
  frames,
  inspectExec,
  isConflict,
  isNotFound,
  listContainers,
  type MountSpec,
  removeContainer,
  startContainer,
  startExec,
} from "@podwright/docker";
import { ensurePauseImage, pauseImage } from "../node/runtimes/docker/pause-image.ts";
import { clusterLabel, typeLabel } from "../node/runtimes/labels.ts";
import { HostCommandError, type HostCommands } from "./host-commands.ts";

/** Programs, their libraries, and which of several programs a name means. Not all machines have all of them. */
const readOnlyPaths = [
  "/bin",
  "/sbin",
  "/usr",
  "/lib",
  "/lib32",
  "/lib64",
  "/nix",
  "/run/current-system",
  "/etc/alternatives",
  "/etc/ld.so.cache",
];
/** The lock of iptables-legacy. */
const writablePaths = ["/run/xtables.lock"];
const searchPath = "/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";
const helperType = "network";
const keptBytes = 32 * 1024 * 1024;
const limitMs = 30_000;

/**
 * Starts the container; `close` removes it. One that a crashed run of this cluster left is replaced. When the daemon
 * has ended it, by a restart, the next command starts it again.
 */
export async function dockerHostCommands(docker: DockerClient, clusterId: string): Promise<HostCommands> {
  let container = await startHelper(docker, clusterId);
  return {
    async run(command, input = "") {
      try {
        return await runInside(docker, container, command, input);
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
        container = await startHelper(docker, clusterId);
        return runInside(docker, container, command, input);
      }
    },
    close: () => removeContainer(docker, container, true),
  };
}

async function startHelper(docker: DockerClient, clusterId: string): Promise<string> {
  const labels = { [clusterLabel]: clusterId, [typeLabel]: helperType };
  const [info, stale, mounts] = await Promise.all([
    daemonInfo(docker),
    listContainers(
      docker,
      Object.entries(labels).map(([name, value]) => `${name}=${value}`),
    ),
    presentMounts(),
  ]);
  await Promise.all(stale.map(({ Id }) => removeContainer(docker, Id, true)));
  await ensurePauseImage(docker, info.Architecture);
  const { Id: container } = await createContainer(docker, `podwright-network-${clusterId}`, {
    Image: pauseImage,
    Labels: labels,
    HostConfig: {
      NetworkMode: "host",
      CapDrop: ["ALL"],
      CapAdd: ["NET_ADMIN", "NET_RAW"],
      Mounts: mounts,
      RestartPolicy: { Name: "no" },
    },
  });
  try {
    await startContainer(docker, container);
  } catch (error) {
    await removeContainer(docker, container, true);
    throw error;
  }
  return container;
}

async function presentMounts(): Promise<MountSpec[]> {
  const paths = [...readOnlyPaths, ...writablePaths];
  const mounts = await Promise.all(
    paths.map(async (path): Promise<MountSpec[]> => {
      try {
        await access(path);
      } catch {
        return [];
      }
      return [{ Type: "bind", Source: path, Target: path, ReadOnly: !writablePaths.includes(path) }];
    }),
  );
  return mounts.flat();
}

async function runInside(docker: DockerClient, container: string, command: readonly string[], input: string) {
  const exec = await createExec(docker, container, {
    Cmd: command,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Env: [`PATH=${searchPath}`, "LC_ALL=C"],
  });
  const streams = await startExec(docker, exec, false);
  const timer = setTimeout(() => streams.destroy(new Error(`still running after ${limitMs} ms`)), limitMs);
  const out: Buffer[] = [];
  let bytes = 0;
  let errors = "";
  try {
    streams.end(input);
    for await (const { stream, data } of frames(streams)) {
      bytes += data.length;
      if (bytes > keptBytes) throw new Error("too much output");
      if (stream === "stdout") out.push(data);
      else if (errors.length < 4096) errors += data.toString();
    }
  } catch (error) {
    throw new HostCommandError(command, 128, String(error));
  } finally {
    clearTimeout(timer);
    streams.destroy();
  }
  const { ExitCode } = await inspectExec(docker, exec);
  const stdout = Buffer.concat(out).toString();
  if (ExitCode === 0) return { stdout };
  // The daemon's own words go to stdout; older ones give another code.
  const isMissing = ExitCode === 126 && stdout.includes("executable file not found");
  throw new HostCommandError(command, isMissing ? 127 : (ExitCode ?? 128), errors || stdout);
}
