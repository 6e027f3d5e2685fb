import { readFileSync } from "node:fs";
import { type ConnectionConfig, ConnectionConfigError } from "./connection-config.ts";
import { tokenFileCredentials } from "./file-credentials.ts";

export interface InClusterOptions {
  env?: Record<string, string | undefined>;
  /** Where the kubelet puts token, ca.crt and namespace. */
  folder?: string;
}

/**
 * The connection of a pod's service account; the token is read again every minute.
 * Behaviour: k8s.io/client-go/rest/config.go, InClusterConfig.
 *
 * @throws ConnectionConfigError outside of a pod, or when the pod has no token.
 */
export function inClusterConfig(options: InClusterOptions = {}): ConnectionConfig {
  const env = options.env ?? process.env;
  const folder = options.folder ?? "/var/run/secrets/kubernetes.io/serviceaccount";
  const host = env["KUBERNETES_SERVICE_HOST"];
  const port = env["KUBERNETES_SERVICE_PORT"];
  if (!host || !port) {
    throw new ConnectionConfigError(
      "not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; name a kubeconfig",
    );
  }
  const read = (name: string): Buffer => {
    try {
      return readFileSync(`${folder}/${name}`);
    } catch (cause) {
      throw new ConnectionConfigError(
        `in a pod without a service account token: ${(cause as Error).message}; see automountServiceAccountToken`,
        cause,
      );
    }
  };
  read("token");
  let namespace = "default";
  try {
    namespace = readFileSync(`${folder}/namespace`, "utf8").trim() || namespace;
  } catch {
    // Hand-made mounts often lack it.
  }
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace,
    tls: { ca: read("ca.crt") },
    credentials: tokenFileCredentials(`${folder}/token`, { where: "service account" }),
    headers: {},
  };
}
