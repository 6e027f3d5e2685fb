import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import {
  type ConnectionConfig,
  ConnectionConfigError,
  type Credentials,
  type ServerTrust,
  staticCredentials,
} from "./connection-config.ts";
import { type ExecCredentialOptions, execCredentials } from "./exec-credential.ts";
import { clientCertificateCredentials, tokenFileCredentials } from "./file-credentials.ts";
import { inClusterConfig } from "./in-cluster.ts";
import { type KubeconfigCluster, type KubeconfigUser, mergeKubeconfigs, readKubeconfig } from "./kubeconfig-file.ts";

export interface LoadKubeconfigOptions {
  /** This file and no other; it must be there. */
  path?: string;
  /** Instead of the file's current-context. */
  context?: string;
  /** For KUBECONFIG, HOME and exec plugins; default process.env. */
  env?: Record<string, string | undefined>;
  /** How exec plugins are run; see {@link ExecCredentialOptions}. */
  exec?: Partial<ExecCredentialOptions>;
}

/**
 * The connection of a kubeconfig's context, by kubectl's rules: `path`, or the files of KUBECONFIG merged, or
 * ~/.kube/config, or, when there is no file and the process runs in a pod, the pod's service account.
 * Files it names (certificates, tokens) are looked at again while it is used.
 * Behaviour: k8s.io/client-go/tools/clientcmd/{loader,client_config,validation}.go.
 *
 * @throws ConnectionConfigError telling what is missing or wrong, and in which file.
 */
export function loadKubeconfig(options: LoadKubeconfigOptions = {}): ConnectionConfig {
  const env = options.env ?? process.env;
  const paths = options.path === undefined ? defaultPaths(env) : [options.path];
  if (options.path !== undefined && !existsSync(options.path)) {
    throw new ConnectionConfigError(`kubeconfig ${options.path}: no such file`);
  }
  const present = paths.filter((path) => existsSync(path));
  if (present.length === 0) {
    if (env["KUBERNETES_SERVICE_HOST"] !== undefined && options.context === undefined) return inClusterConfig({ env });
    throw new ConnectionConfigError(
      `no kubeconfig: there is no ${paths.join(", no ")}; name one with --kubeconfig or the KUBECONFIG variable`,
    );
  }
  const config = mergeKubeconfigs(present.map(readKubeconfig));
  const where = present.join(", ");
  const contextName = options.context ?? config.currentContext;
  if (!contextName) {
    throw new ConnectionConfigError(`kubeconfig ${where}: no current-context is set; name one with --context`);
  }
  const context = config.contexts.get(contextName);
  if (context === undefined) {
    const known = [...config.contexts.keys()].join(", ") || "none";
    throw new ConnectionConfigError(`kubeconfig ${where}: no context "${contextName}" (there is: ${known})`);
  }
  const cluster = config.clusters.get(context.cluster ?? "");
  if (cluster === undefined) {
    throw new ConnectionConfigError(
      `kubeconfig ${where}: context "${contextName}" names cluster "${context.cluster ?? ""}", which is not there`,
    );
  }
  const user = context.user ? config.users.get(context.user) : undefined;
  if (context.user && user === undefined) {
    throw new ConnectionConfigError(
      `kubeconfig ${where}: context "${contextName}" names user "${context.user}", which is not there`,
    );
  }
  return {
    server: serverOf(cluster, context.cluster ?? ""),
    namespace: context.namespace || "default",
    tls: trustOf(cluster, context.cluster ?? ""),
    credentials: user === undefined ? staticCredentials({}) : credentialsOf(user, context.user ?? "", cluster, options),
    headers: user === undefined ? {} : impersonation(user),
  };
}

function defaultPaths(env: Record<string, string | undefined>): string[] {
  const listed = (env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  if (listed.length > 0) return [...new Set(listed)];
  return [join(env["HOME"] ?? homedir(), ".kube", "config")];
}

function serverOf(cluster: KubeconfigCluster, name: string): string {
  const server = cluster.server;
  if (!server) throw new ConnectionConfigError(`${cluster.file}: cluster "${name}" has no server`);
  // kubectl takes "host:port" too, and means http by it.
  const url = server.includes("://") ? server : `http://${server}`;
  if (!URL.canParse(url))
    throw new ConnectionConfigError(`${cluster.file}: cluster "${name}": server "${server}" is no URL`);
  if (cluster["proxy-url"]) {
    throw new ConnectionConfigError(
      `${cluster.file}: cluster "${name}": proxy-url is not supported; use a server address that is reachable directly`,
    );
  }
  return url;
}

function trustOf(cluster: KubeconfigCluster, name: string): ServerTrust {
  const trust: ServerTrust = {};
  if (cluster["insecure-skip-tls-verify"]) {
    if (cluster["certificate-authority"] || cluster["certificate-authority-data"]) {
      throw new ConnectionConfigError(
        `${cluster.file}: cluster "${name}": a certificate authority cannot be given together with insecure-skip-tls-verify`,
      );
    }
    trust.insecureSkipVerify = true;
  }
  const data = cluster["certificate-authority-data"];
  const file = cluster["certificate-authority"];
  if (data) trust.ca = Buffer.from(data, "base64");
  else if (file) trust.ca = readNamed(file, `${cluster.file}: cluster "${name}": certificate-authority`);
  if (cluster["tls-server-name"]) trust.serverName = cluster["tls-server-name"];
  return trust;
}

// The order of k8s.io/client-go/transport: a token goes before a password, both before an exec plugin; a client
// certificate goes along with any of them.
function credentialsOf(
  user: KubeconfigUser,
  name: string,
  cluster: KubeconfigCluster,
  options: LoadKubeconfigOptions,
): Credentials {
  const where = `${user.file}: user "${name}"`;
  const certificate = clientCertificate(user, where);
  if (user.token || user.tokenFile) {
    if (user.tokenFile) return tokenFileCredentials(user.tokenFile, { certificate, fallback: user.token, where });
    return withCertificate(`Bearer ${user.token}`, certificate);
  }
  if (user.username || user.password) {
    const basic = Buffer.from(`${user.username ?? ""}:${user.password ?? ""}`).toString("base64");
    return withCertificate(`Basic ${basic}`, certificate);
  }
  if (certificate !== undefined) return certificate;
  if (user.exec !== undefined) {
    return execCredentials(user.exec, { where, cluster, env: options.env ?? process.env, ...options.exec });
  }
  if (user["auth-provider"] !== undefined) {
    throw new ConnectionConfigError(
      `${where}: auth-provider "${user["auth-provider"].name ?? ""}" is not supported (Kubernetes removed these in 1.26); use its exec plugin`,
    );
  }
  return staticCredentials({});
}

function clientCertificate(user: KubeconfigUser, where: string): Credentials | undefined {
  const certificate = user["client-certificate-data"]
    ? { data: Buffer.from(user["client-certificate-data"], "base64") }
    : user["client-certificate"]
      ? { file: user["client-certificate"] }
      : undefined;
  const key = user["client-key-data"]
    ? { data: Buffer.from(user["client-key-data"], "base64") }
    : user["client-key"]
      ? { file: user["client-key"] }
      : undefined;
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined) {
    throw new ConnectionConfigError(`${where}: a client certificate needs both client-certificate and client-key`);
  }
  return clientCertificateCredentials(certificate, key, where);
}

function withCertificate(authorization: string, certificate: Credentials | undefined): Credentials {
  if (certificate === undefined) return staticCredentials({ authorization });
  return {
    async current() {
      return { ...(await certificate.current()), authorization };
    },
    rejected: async () => false,
  };
}

function impersonation(user: KubeconfigUser): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  if (user.as) headers["Impersonate-User"] = user.as;
  if (user["as-uid"]) headers["Impersonate-Uid"] = user["as-uid"];
  if (user["as-groups"]?.length) headers["Impersonate-Group"] = user["as-groups"];
  for (const [key, values] of Object.entries(user["as-user-extra"] ?? {})) {
    headers[`Impersonate-Extra-${encodeURIComponent(key)}`] = values;
  }
  return headers;
}

function readNamed(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ConnectionConfigError(`${what}: cannot read ${path}: ${(cause as Error).message}`, cause);
  }
}
