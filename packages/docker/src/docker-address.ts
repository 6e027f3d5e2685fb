import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { DockerError } from "./docker-error.ts";

/** Where a daemon listens. */
export type DockerAddress =
  | { socketPath: string }
  | { host: string; port: number; tls?: { ca?: string; cert?: string; key?: string } };

/**
 * Where docker's own command would look: DOCKER_HOST (unix://, tcp://, npipe://; with DOCKER_TLS_VERIFY the
 * certificates of DOCKER_CERT_PATH), else the socket of the machine, of Docker Desktop, of a rootless daemon.
 * Throws a {@link DockerError} for an address it cannot use.
 */
export function dockerAddress(env: Readonly<Record<string, string | undefined>> = process.env): DockerAddress {
  const host = env["DOCKER_HOST"];
  if (host) return parseDockerHost(host, env);
  if (process.platform === "win32") return { socketPath: "//./pipe/docker_engine" };
  const runtimeDir = env["XDG_RUNTIME_DIR"];
  const candidates = [
    "/var/run/docker.sock",
    join(homedir(), ".docker/run/docker.sock"),
    ...(runtimeDir ? [join(runtimeDir, "docker.sock")] : []),
  ];
  return { socketPath: candidates.find((path) => existsSync(path)) ?? "/var/run/docker.sock" };
}

/** Reads a DOCKER_HOST. */
export function parseDockerHost(host: string, env: Readonly<Record<string, string | undefined>> = {}): DockerAddress {
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length) };
  if (host.startsWith("npipe://")) return { socketPath: host.slice("npipe://".length) };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url === undefined || !["tcp:", "http:", "https:"].includes(url.protocol)) {
    throw new DockerError(0, `DOCKER_HOST ${host}: only unix://, tcp:// and npipe:// are understood`);
  }
  const secure = url.protocol === "https:" || Boolean(env["DOCKER_TLS_VERIFY"]);
  const address = { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || (secure ? 2376 : 2375)) };
  if (!secure) return address;
  const folder = env["DOCKER_CERT_PATH"] || join(homedir(), ".docker");
  return { ...address, tls: { ...pem(folder, "ca"), ...pem(folder, "cert"), ...pem(folder, "key") } };
}

function pem(folder: string, name: "ca" | "cert" | "key"): { ca?: string; cert?: string; key?: string } {
  const path = join(folder, `${name}.pem`);
  return existsSync(path) ? { [name]: readFileSync(path, "utf8") } : {};
}

/** As DOCKER_HOST has it, for messages and for docker's own command. */
export function formatDockerAddress(address: DockerAddress): string {
  return "socketPath" in address ? `unix://${address.socketPath}` : `tcp://${address.host}:${address.port}`;
}
