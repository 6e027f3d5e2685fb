import { createHash } from "node:crypto";
import type { Pack } from "../pack.ts";

const longest = 53;

/** Where a Pack's release is. Names helm would refuse as too long are cut and get a hash, as Flux does. */
export function releaseOf(pack: Pack): { name: string; namespace: string } {
  return {
    name: shortened(pack.spec.releaseName || (pack.metadata.name ?? "")),
    namespace: pack.spec.targetNamespace || (pack.metadata.namespace ?? ""),
  };
}

// Behaviour: github.com/fluxcd/helm-controller internal/release/name.go: 40 characters, "-", 12 of the SHA-256.
function shortened(name: string): string {
  if (name.length <= longest) return name;
  return `${name.slice(0, 40)}-${createHash("sha256").update(name).digest("hex").slice(0, 12)}`;
}
