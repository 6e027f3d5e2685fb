import type { DockerClient } from "./docker-client.ts";
import { isNotFound } from "./docker-error.ts";

export interface NetworkSpec {
  Name: string;
  Driver?: string;
  Internal?: boolean;
  Labels?: Readonly<Record<string, string>>;
  Options?: Readonly<Record<string, string>>;
  IPAM?: { Config: { Subnet?: string; Gateway?: string; IPRange?: string }[] };
}

export interface NetworkInspection {
  Name: string;
  Id: string;
  Driver: string;
  Labels: Record<string, string> | null;
  Options: Record<string, string> | null;
  IPAM: { Config: { Subnet?: string; Gateway?: string }[] | null };
}

export async function createNetwork(docker: DockerClient, spec: NetworkSpec): Promise<string> {
  const body = { CheckDuplicate: true, ...spec };
  return (await docker.json<{ Id: string }>("POST", "/networks/create", { body })).Id;
}

/** Those that have every one of the labels ("key" or "key=value"); without labels all. */
export async function listNetworks(docker: DockerClient, labels: readonly string[] = []): Promise<NetworkInspection[]> {
  const filters = labels.length === 0 ? undefined : JSON.stringify({ label: labels });
  return docker.json("GET", "/networks", { query: { filters } });
}

/** Fine when it is not there. Throws (403) when a container is on it. */
export async function removeNetwork(docker: DockerClient, id: string): Promise<void> {
  await docker.json("DELETE", `/networks/${encodeURIComponent(id)}`).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
