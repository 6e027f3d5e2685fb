import { type Client, secrets, serviceAccounts } from "@podwright/client";
import { isCode } from "@podwright/kube";
import type { Workload } from "../workload.ts";
import type { RegistryLogin } from "./registry-client.ts";

interface DockerLogin {
  username?: string;
  password?: string;
  auth?: string;
}

/** The login for a registry that a workload's pull secrets have, its service account's too. Read anew each time. */
export async function findLogin(
  client: Client,
  workload: Workload,
  registry: string,
): Promise<RegistryLogin | undefined> {
  const namespace = workload.metadata.namespace as string;
  const account = await ifThere(client.resource(serviceAccounts).get(workload.serviceAccount, namespace));
  const fromAccount: { name?: string }[] = account?.["imagePullSecrets"] ?? [];
  const names = new Set([...workload.pullSecrets, ...fromAccount.flatMap(({ name }) => name ?? [])]);
  for (const name of names) {
    const secret = await ifThere(client.resource(secrets).get(name, namespace));
    const login = loginOf(secret?.["data"]?.[".dockerconfigjson"], registry);
    if (login !== undefined) return login;
  }
  return undefined;
}

/** The login in a .dockerconfigjson, base64; undefined where it has none for the registry, or cannot be read. */
export function loginOf(encoded: unknown, registry: string): RegistryLogin | undefined {
  if (typeof encoded !== "string") return undefined;
  let auths: Record<string, DockerLogin>;
  try {
    auths = JSON.parse(Buffer.from(encoded, "base64").toString("utf8")).auths ?? {};
  } catch {
    return undefined;
  }
  const hosts = registry === "docker.io" ? ["docker.io", "index.docker.io", "registry-1.docker.io"] : [registry];
  for (const [key, login] of Object.entries(auths)) {
    const host = key.replace(/^https?:\/\//, "").split("/")[0] ?? "";
    if (!hosts.includes(host)) continue;
    if (login.username !== undefined) return { username: login.username, password: login.password ?? "" };
    const decoded = Buffer.from(login.auth ?? "", "base64").toString("utf8");
    const colon = decoded.indexOf(":");
    if (colon > 0) return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  }
  return undefined;
}

async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isCode(error, 403, 404)) return undefined;
    throw error;
  }
}
