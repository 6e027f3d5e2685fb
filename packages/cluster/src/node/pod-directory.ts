import { join } from "node:path";

/** Where the files of one pod are on its node. Nothing of it is made by asking. */
export interface PodDirectory {
  path: string;
  volumes: string;
  volume(name: string): string;
  /** Where a part of a volume is mounted before a container gets it. */
  subPath(volume: string, container: string, mount: number): string;
  subPaths: string;
  hosts: string;
  resolvConf: string;
  hostname: string;
  /** Of all containers. */
  logs: string;
  log(container: string, attempt: number): string;
  terminationLog(container: string, attempt: number): string;
}

/** The folder that holds those of a node's pods. */
export function podsDirectory(root: string): string {
  return join(root, "pods");
}

/** @param root the node's own folder; no two nodes share one */
export function podDirectory(root: string, uid: string): PodDirectory {
  // A static pod's uid comes from a file: it must not lead out of the folder.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(uid)) throw new Error(`pod uid ${JSON.stringify(uid)} is no file name`);
  const path = join(podsDirectory(root), uid);
  const volumes = join(path, "volumes");
  const subPaths = join(path, "volume-subpaths");
  const logs = join(path, "containers");
  return {
    path,
    volumes,
    volume: (name) => join(volumes, name),
    subPaths,
    subPath: (volume, container, mount) => join(subPaths, volume, container, String(mount)),
    hosts: join(path, "etc-hosts"),
    resolvConf: join(path, "resolv.conf"),
    hostname: join(path, "hostname"),
    logs,
    log: (container, attempt) => join(logs, container, `${attempt}.log`),
    terminationLog: (container, attempt) => join(path, "termination", `${container}-${attempt}`),
  };
}
