import type { DockerClient } from "./docker-client.ts";

export interface DaemonInfo {
  ID: string;
  Name: string;
  ServerVersion: string;
  OperatingSystem: string;
  OSType: string;
  Architecture: string;
  KernelVersion: string;
  NCPU: number;
  MemTotal: number;
  DockerRootDir: string;
  CgroupVersion?: string;
  CgroupDriver: string;
  SecurityOptions: string[] | null;
}

/** What the daemon says of itself and its machine. */
export async function daemonInfo(docker: DockerClient): Promise<DaemonInfo> {
  return docker.json("GET", "/info");
}

/** Whether a daemon answers, within a second by default. */
export async function answers(docker: DockerClient, timeoutMs = 1000): Promise<boolean> {
  const deadline = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => deadline.resolve(false), timeoutMs);
  try {
    return await Promise.race([
      docker.version().then(
        () => true,
        () => false,
      ),
      deadline.promise,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
