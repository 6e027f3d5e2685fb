import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type CertificateAndKey,
  createCertificateAuthority,
  generateSigningKey,
  openCertificateAuthority,
} from "@podwright/pki";

/** All keys and certificates of a cluster's control plane. PEM. */
export interface Pki {
  ca: CertificateAndKey;
  /** The API server's own. */
  server: CertificateAndKey;
  /** User kubernetes-admin of the group system:masters. */
  admin: CertificateAndKey;
  /** Signs service accounts' tokens (ES256). */
  serviceAccountKey: string;
}

/** What clients call the API server, on this machine and in the cluster. */
const serverHosts: readonly string[] = [
  "localhost",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
  "127.0.0.1",
  "::1",
  "10.96.0.1",
];

export interface PkiOptions {
  /** Where they are kept, made when it is not there; absent: in memory. */
  directory?: string;
  /** Further names and addresses of the server. Certificates that lack one are made anew. */
  hosts?: readonly string[];
  /** Milliseconds since 1970. */
  now: number;
}

/** Reads the keys and certificates, or makes those that are not there. The files are for the owner only. */
export async function openPki({ directory, hosts = [], now }: PkiOptions): Promise<Pki> {
  const wanted = [...new Set([...serverHosts, ...hosts])];
  const kept = directory === undefined ? undefined : await read(directory);
  if (kept !== undefined && wanted.every((host) => kept.hosts.includes(host))) return kept.pki;
  const pki = create(kept?.pki, wanted, now);
  if (directory !== undefined) await write(directory, { pki, hosts: wanted });
  return pki;
}

/** Makes what is missing; the authority and the keys of an earlier start stay, so that kubeconfigs stay good. */
function create(kept: Pki | undefined, hosts: readonly string[], now: number): Pki {
  const authority =
    kept === undefined ? createCertificateAuthority("podwright-ca", now) : openCertificateAuthority(kept.ca, now);
  const administrator = { commonName: "kubernetes-admin", organizations: ["system:masters"], usage: "client" } as const;
  return {
    ca: { cert: authority.cert, key: authority.key },
    server: authority.issue({ commonName: "kube-apiserver", hosts, usage: "server" }),
    admin: kept?.admin ?? authority.issue(administrator),
    serviceAccountKey: kept?.serviceAccountKey ?? generateSigningKey(),
  };
}

interface KeptPki {
  pki: Pki;
  hosts: readonly string[];
}

const fileName = "pki.json";

async function read(directory: string): Promise<KeptPki | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, fileName), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return JSON.parse(text) as KeptPki;
}

/** One file, put in place in one step: a process that is killed leaves all of it or nothing. */
async function write(directory: string, kept: KeptPki): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, fileName);
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, JSON.stringify(kept, undefined, 2), { mode: 0o600 });
  await rename(temporary, path);
}
