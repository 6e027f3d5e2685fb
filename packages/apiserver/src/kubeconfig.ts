import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { CertificateAndKey } from "@podwright/pki";

export interface KubeconfigOptions {
  /** e.g. "https://127.0.0.1:6443" */
  server: string;
  /** PEM. */
  ca: string;
  client: CertificateAndKey;
  /** Of cluster, user and context. */
  name?: string;
}

/** A kubeconfig with everything in it, as YAML text. */
export function formatKubeconfig({ server, ca, client, name = "podwright" }: KubeconfigOptions): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: ${name}
  cluster:
    server: ${server}
    certificate-authority-data: ${base64(ca)}
users:
- name: ${name}
  user:
    client-certificate-data: ${base64(client.cert)}
    client-key-data: ${base64(client.key)}
contexts:
- name: ${name}
  context:
    cluster: ${name}
    user: ${name}
current-context: ${name}
preferences: {}
`;
}

/** Writes it for the owner only, in one step: readers see the old file or the new one. */
export async function writeKubeconfig(path: string, kubeconfig: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, kubeconfig, { mode: 0o600 });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
