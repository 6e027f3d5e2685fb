import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type ContainerSpec,
  createContainer,
  type DockerClient,
  inspectContainer,
  isConflict,
  removeContainer,
  startContainer,
} from "@podwright/docker";
import type { Pod } from "../../../kinds.ts";
import { resolvConf } from "../../pod-dns.ts";
import type { Mount, SandboxConfig } from "../../runtime.ts";
import { addressLabel, containerName, directoryLabel, type RuntimeOwner, sandboxLabels } from "../labels.ts";
import { logConfig } from "./container-spec.ts";
import type { DirectNetwork } from "./direct-network.ts";
import type { OomScores } from "./oom-scores.ts";
import { pauseImage } from "./pause-image.ts";
import type { PodNetwork } from "./pod-network.ts";

/** A pod's pause container. */
export interface DockerSandbox {
  id: string;
  ip: string | undefined;
  /** Of its first process, on the daemon's machine. */
  pid: number;
  directory: string;
  /** Given by {@link DirectNetwork}: to be given back. */
  direct: boolean;
  /** Resolves when it has its network: containers are made meanwhile, and started then. */
  connected: Promise<void>;
}

export interface SandboxMaker {
  docker: DockerClient;
  owner: RuntimeOwner;
  network: PodNetwork;
  /** Where addresses can be given without docker. */
  direct: DirectNetwork | undefined;
  oomScores: OomScores;
}

/** Makes the pause container of a pod and starts it, with its network and the files that name it. */
export async function makeSandbox(maker: SandboxMaker, pod: Pod, config: SandboxConfig): Promise<DockerSandbox> {
  const { docker, owner, network } = maker;
  const published = hostPorts(pod);
  // Docker publishes ports only in networks that it has set up.
  const direct = pod.spec.hostNetwork || Object.keys(published).length > 0 ? undefined : maker.direct;
  const address = direct?.take();
  const spec: ContainerSpec = {
    Image: pauseImage,
    // The node's own where its network is the node's.
    ...(pod.spec.hostNetwork ? {} : { Hostname: config.hostname }),
    Labels: {
      ...sandboxLabels(owner, pod),
      [directoryLabel]: config.directory,
      ...(address === undefined ? {} : { [addressLabel]: address }),
    },
    ExposedPorts: Object.fromEntries(Object.keys(published).map((port) => [port, {}])),
    HostConfig: {
      NetworkMode: pod.spec.hostNetwork ? "host" : direct ? "none" : network.name,
      IpcMode: pod.spec.hostIPC ? "host" : "shareable",
      ...(pod.spec.hostPID ? { PidMode: "host" } : {}),
      Sysctls: config.sysctls,
      PortBindings: published,
      RestartPolicy: { Name: "no" },
      LogConfig: logConfig,
      CpuShares: 2,
    },
  };
  const name = containerName(pod, "POD", 0);
  try {
    const [id] = await Promise.all([
      maker.oomScores.startSandbox((score) => startAnew(docker, name, withOomScore(spec, score))),
      writeOwnFiles(config),
    ]);
    const { State, NetworkSettings } = await inspectContainer(docker, id).catch(async (error) => {
      await removeContainer(docker, id, true).catch(() => {});
      throw error;
    });
    const connected = address === undefined ? undefined : direct?.connect(State.Pid, address, pod.metadata.uid ?? "");
    connected?.catch(() => {});
    const ip = address ?? NetworkSettings.Networks[network.name]?.IPAddress;
    return {
      id,
      ip: ip || undefined,
      pid: State.Pid,
      directory: config.directory,
      direct: address !== undefined,
      connected: connected ?? Promise.resolve(),
    };
  } catch (error) {
    if (address !== undefined) direct?.release(address);
    throw error;
  }
}

function withOomScore(spec: ContainerSpec, score: number): ContainerSpec {
  return { ...spec, HostConfig: { ...spec.HostConfig, OomScoreAdj: score } };
}

async function startAnew(docker: DockerClient, name: string, spec: ContainerSpec): Promise<string> {
  const id = await createAnew(docker, name, spec);
  try {
    await startContainer(docker, id);
    return id;
  } catch (error) {
    await removeContainer(docker, id, true).catch(() => {});
    throw error;
  }
}

/** Makes a container of that name; one that an agent before this left behind, half made, gives way. */
export async function createAnew(docker: DockerClient, name: string, spec: ContainerSpec): Promise<string> {
  try {
    return (await createContainer(docker, name, spec)).Id;
  } catch (error) {
    if (!isConflict(error)) throw error;
    await removeContainer(docker, name, true);
    return (await createContainer(docker, name, spec)).Id;
  }
}

function hostPorts(pod: Pod): Record<string, { HostIp: string; HostPort: string }[]> {
  if (pod.spec.hostNetwork) return {};
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  for (const { ports = [] } of [...sidecars, ...pod.spec.containers]) {
    for (const { hostPort, hostIP = "", containerPort, protocol = "TCP" } of ports) {
      if (!hostPort) continue;
      const port = `${containerPort}/${protocol.toLowerCase()}`;
      bindings[port] = [...(bindings[port] ?? []), { HostIp: hostIP, HostPort: String(hostPort) }];
    }
  }
  return bindings;
}

/** Docker's own resolver at 127.0.0.11 is not to be seen in pods: names are the cluster's matter. */
async function writeOwnFiles({ directory, dns, hostname }: SandboxConfig): Promise<void> {
  if (directory === "") return;
  await mkdir(directory, { recursive: true });
  await Promise.all([
    writeFile(join(directory, "resolv.conf"), dns === undefined ? await hostResolvConf() : resolvConf(dns)),
    writeFile(join(directory, "hostname"), `${hostname}\n`),
  ]);
}

/** That of systemd-resolved's own servers where the file names but its loopback address. */
async function hostResolvConf(): Promise<string> {
  const text = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  if (!/^nameserver\s+127\.0\.0\.53/m.test(text)) return text;
  return readFile("/run/systemd/resolve/resolv.conf", "utf8").catch(() => text);
}

/** Those files as a container has them. */
export function ownFileMounts(directory: string): Mount[] {
  if (directory === "") return [];
  const file = (name: string, containerPath: string): Mount => ({
    hostPath: join(directory, name),
    containerPath,
    readOnly: false,
    propagation: "None",
  });
  return [file("resolv.conf", "/etc/resolv.conf"), file("hostname", "/etc/hostname")];
}
