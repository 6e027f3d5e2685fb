import { createHash } from "node:crypto";

/** iptables takes 28 characters at most. */
const hashLength = 12;

/** Names of one cluster's chains: "PWT-0123abcd-…", so that each cluster finds its own. */
export interface ChainNames {
  prefix: string;
  fixed(name: string): string;
  /** A chain of its own for what the parts name, e.g. ("SVC", "default/web:http"). */
  hashed(kind: string, ...parts: string[]): string;
}

export function chainNames(clusterId: string): ChainNames {
  const prefix = `PWT-${createHash("sha256").update(clusterId).digest("hex").slice(0, 8)}-`;
  return {
    prefix,
    fixed: (name) => `${prefix}${name}`,
    hashed: (kind, ...parts) =>
      `${prefix}${kind}${createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, hashLength)}`,
  };
}
