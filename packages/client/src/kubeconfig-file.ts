import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, isAbsolute, resolve } from "node:path";
import { ConnectionConfigError } from "./connection-config.ts";

/** A cluster of a kubeconfig; paths are absolute. `file` is where it was read. */
export interface KubeconfigCluster {
  file: string;
  server?: string;
  "certificate-authority"?: string;
  "certificate-authority-data"?: string;
  "insecure-skip-tls-verify"?: boolean;
  "tls-server-name"?: string;
  "proxy-url"?: string;
  extensions?: { name: string; extension?: unknown }[];
}

/** A user of a kubeconfig; paths are absolute. */
export interface KubeconfigUser {
  file: string;
  "client-certificate"?: string;
  "client-certificate-data"?: string;
  "client-key"?: string;
  "client-key-data"?: string;
  token?: string;
  tokenFile?: string;
  username?: string;
  password?: string;
  as?: string;
  "as-uid"?: string;
  "as-groups"?: string[];
  "as-user-extra"?: Record<string, string[]>;
  exec?: ExecConfig;
  "auth-provider"?: { name?: string };
}

/** A credential plugin: a command that prints an ExecCredential. */
export interface ExecConfig {
  apiVersion?: string;
  command?: string;
  args?: string[] | null;
  env?: { name: string; value: string }[] | null;
  installHint?: string;
  provideClusterInfo?: boolean;
  interactiveMode?: string;
}

export interface KubeconfigContext {
  file: string;
  cluster?: string;
  user?: string;
  namespace?: string;
}

export interface Kubeconfig {
  currentContext: string | undefined;
  clusters: Map<string, KubeconfigCluster>;
  users: Map<string, KubeconfigUser>;
  contexts: Map<string, KubeconfigContext>;
}

/** Reads one file; paths in it are relative to its folder. Throws ConnectionConfigError. */
export function readKubeconfig(path: string): Kubeconfig {
  let document: unknown;
  try {
    // Loaded with the first file: who connects without one starts without the library's 70 modules.
    const { parse } = createRequire(import.meta.url)("yaml") as typeof import("yaml");
    document = parse(readFileSync(path, "utf8"));
  } catch (cause) {
    // The YAML parser goes on to show the place.
    const [line] = (cause as Error).message.split(/:?\n/, 1);
    throw new ConnectionConfigError(`kubeconfig ${path}: ${line}`, cause);
  }
  if (document === null || document === undefined) document = {};
  if (typeof document !== "object" || Array.isArray(document)) {
    throw new ConnectionConfigError(`kubeconfig ${path}: not a kubeconfig`);
  }
  const root = document as Record<string, unknown>;
  if (root["kind"] !== undefined && root["kind"] !== "Config") {
    throw new ConnectionConfigError(`kubeconfig ${path}: its kind is "${root["kind"]}", not "Config"`);
  }
  const folder = dirname(resolve(path));
  const clusters = named<KubeconfigCluster>(root["clusters"], "cluster", path);
  for (const cluster of clusters.values()) absolute(cluster, "certificate-authority", folder);
  const users = named<KubeconfigUser>(root["users"], "user", path);
  for (const user of users.values()) {
    absolute(user, "client-certificate", folder);
    absolute(user, "client-key", folder);
    absolute(user, "tokenFile", folder);
    // A command with a path in it is relative to the file, a bare name is looked up in PATH.
    if (user.exec?.command !== undefined && /[/\\]/.test(user.exec.command)) absolute(user.exec, "command", folder);
  }
  const current = root["current-context"];
  return {
    currentContext: typeof current === "string" && current !== "" ? current : undefined,
    clusters,
    users,
    contexts: named<KubeconfigContext>(root["contexts"], "context", path),
  };
}

/** The first file that has a cluster, user, context or current-context wins; entries are never mixed. */
export function mergeKubeconfigs(files: readonly Kubeconfig[]): Kubeconfig {
  const merged: Kubeconfig = { currentContext: undefined, clusters: new Map(), users: new Map(), contexts: new Map() };
  for (const file of files) {
    merged.currentContext ??= file.currentContext;
    for (const part of ["clusters", "users", "contexts"] as const) {
      const into = merged[part] as Map<string, unknown>;
      for (const [name, entry] of file[part]) if (!into.has(name)) into.set(name, entry);
    }
  }
  return merged;
}

function named<E extends { file: string }>(list: unknown, field: string, file: string): Map<string, E> {
  const entries = new Map<string, E>();
  if (list === undefined || list === null) return entries;
  if (!Array.isArray(list)) throw new ConnectionConfigError(`kubeconfig ${file}: ${field}s is not a list`);
  for (const item of list as ({ name?: unknown; [field: string]: unknown } | null)[]) {
    if (typeof item?.name !== "string") {
      throw new ConnectionConfigError(`kubeconfig ${file}: an entry of ${field}s has no name`);
    }
    if (!entries.has(item.name)) entries.set(item.name, { ...(item[field] as object | undefined), file } as E);
  }
  return entries;
}

function absolute<K extends string>(entry: { [P in K]?: string }, field: K, folder: string): void {
  const path = entry[field];
  if (path !== undefined && path !== "" && !isAbsolute(path)) entry[field] = resolve(folder, path);
}
