/** Credentials for registries from Secrets (k8s.io/kubernetes/pkg/credentialprovider). */
import type { KubeObject } from "@podwright/kube";
import type { RegistryCredentials } from "../runtime.ts";
import { parseImageName } from "./image-name.ts";

const defaultHost = "index.docker.io";

interface Entry {
  key: string;
  credentials: RegistryCredentials;
}

interface DockerAuth {
  username?: string;
  password?: string;
  auth?: string;
}

/** The credentials of the Secrets that are for the image, those for the longest path first. What cannot be read is left out. */
export function credentialsFor(image: string, secrets: readonly KubeObject[]): RegistryCredentials[] {
  const { host, path } = parseImageName(image);
  const entries = secrets.flatMap(entriesOf).sort((a, b) => (a.key < b.key ? 1 : a.key > b.key ? -1 : 0));
  const target = `${host}/${path}`;
  const found = entries.filter(({ key }) => matches(key, target));
  const chosen = found.length === 0 && host === "docker.io" ? entries.filter(({ key }) => key === defaultHost) : found;
  return chosen.map(({ credentials }) => credentials);
}

function entriesOf(secret: KubeObject): Entry[] {
  const data = (secret["data"] ?? {}) as Record<string, string>;
  const type = secret["type"];
  if (type === "kubernetes.io/dockerconfigjson") {
    const config = decoded(data[".dockerconfigjson"]) as { auths?: Record<string, DockerAuth> } | undefined;
    return ofServers(config?.auths ?? {});
  }
  if (type === "kubernetes.io/dockercfg") {
    return ofServers((decoded(data[".dockercfg"]) as Record<string, DockerAuth> | undefined) ?? {});
  }
  return [];
}

function decoded(base64: string | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(base64 ?? "", "base64").toString("utf8"));
  } catch {
    return undefined;
  }
}

function ofServers(servers: Record<string, DockerAuth>): Entry[] {
  return Object.entries(servers).flatMap(([server, { username = "", password = "", auth }]) => {
    const key = keyOf(server);
    if (key === undefined) return [];
    const [user = "", ...secret] = auth ? Buffer.from(auth, "base64").toString("utf8").split(":") : [];
    const credentials = auth
      ? { username: user, password: secret.join(":").replace(/\0+$/, ""), server }
      : { username, password, server };
    return [{ key, credentials }];
  });
}

/** Host and path; /v1/ and /v2/ say nothing. */
function keyOf(server: string): string | undefined {
  const [, rest = ""] = /^(?:https?:\/\/)?(.*)$/.exec(server) ?? [];
  const slash = rest.indexOf("/");
  const host = slash === -1 ? rest : rest.slice(0, slash);
  if (host === "") return undefined;
  const path = (slash === -1 ? "" : rest.slice(slash)).replace(/^\/v[12](?=\/)/, "");
  return path === "" || path === "/" ? host : host + path;
}

/** Host by host part with "*" and "?", port by port, and the path as a prefix. */
function matches(pattern: string, target: string): boolean {
  const [wanted, actual] = [split(pattern), split(target)];
  if (wanted.port !== actual.port || wanted.parts.length !== actual.parts.length) return false;
  if (!actual.path.startsWith(wanted.path)) return false;
  return wanted.parts.every((part, index) => globMatches(part, actual.parts[index] ?? ""));
}

function split(location: string): { parts: string[]; port: string; path: string } {
  const slash = location.indexOf("/");
  const authority = slash === -1 ? location : location.slice(0, slash);
  const [host = "", port = ""] = authority.split(":");
  return { parts: host.split("."), port, path: slash === -1 ? "" : location.slice(slash) };
}

function globMatches(glob: string, text: string): boolean {
  const pattern = glob
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${pattern}$`).test(text);
}
