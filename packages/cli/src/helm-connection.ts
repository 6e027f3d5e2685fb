import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { findTool } from "./binaries.ts";
import type { ClusterFlags } from "./connection.ts";

/** What the operator needs to run helm, and how to tidy up after it. */
export interface HelmConnection {
  binary: () => Promise<string>;
  kubeconfig: string;
  context?: string;
  close(): Promise<void>;
}

/** Where charts are kept between runs. */
export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "podwright", "charts");
}

/**
 * The same cluster for helm as for the operator: the kubeconfig as it was given, or, in a pod, one that names the
 * files of the pod's service account.
 */
export async function openHelmConnection(
  options: ClusterFlags,
  env: NodeJS.ProcessEnv = process.env,
): Promise<HelmConnection> {
  const context = options.context !== undefined ? { context: options.context } : {};
  const binary = () => findTool("helm", env);
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (options.kubeconfig !== undefined || env["KUBECONFIG"] || host === undefined) {
    const kubeconfig = options.kubeconfig ?? (env["KUBECONFIG"] || join(homedir(), ".kube", "config"));
    return {
      binary,
      kubeconfig: kubeconfig.split(delimiter).filter(Boolean).join(delimiter),
      ...context,
      async close() {},
    };
  }
  const folder = await mkdtemp(join(tmpdir(), "podwright-helm-"));
  await chmod(folder, 0o700);
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, inClusterKubeconfig(host, env["KUBERNETES_SERVICE_PORT"] ?? "443"), { mode: 0o600 });
  return { binary, kubeconfig, close: () => rm(folder, { recursive: true, force: true }) };
}

function inClusterKubeconfig(host: string, port: string): string {
  const account = "/var/run/secrets/kubernetes.io/serviceaccount";
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "cluster", cluster: { server, "certificate-authority": `${account}/ca.crt` } }],
    users: [{ name: "operator", user: { tokenFile: `${account}/token` } }],
    contexts: [{ name: "operator", context: { cluster: "cluster", user: "operator" } }],
    "current-context": "operator",
  });
}
