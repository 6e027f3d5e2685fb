import { gunzipSync, gzipSync } from "node:zlib";
import type { JsonObject, KubeObject } from "@podwright/kube";

/** A revision of a release as helm keeps and prints it. Behaviour: helm.sh/helm/v4 pkg/release/v1/release.go. */
export interface HelmRelease {
  name: string;
  namespace: string;
  version: number;
  info: { status: string; description?: string; last_deployed?: string; notes?: string } & JsonObject;
  chart?: { metadata?: { name?: string; version?: string; appVersion?: string } & JsonObject };
  /** The values it was given. */
  config?: JsonObject;
  manifest?: string;
  hooks?: HelmHook[];
}

export interface HelmHook {
  name: string;
  kind: string;
  path?: string;
  manifest?: string;
  events?: string[];
  last_run?: { phase?: string } & JsonObject;
}

/** The release in a Secret of helm's storage: base64 of base64 of gzip of JSON. Throws when it is something else. */
export function readRelease(secret: KubeObject): HelmRelease {
  const inner = Buffer.from(String(secret["data"]?.release ?? ""), "base64").toString("latin1");
  const bytes = Buffer.from(inner, "base64");
  // Very old releases are not compressed.
  const json = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes, { maxOutputLength: 64 << 20 }) : bytes;
  return JSON.parse(json.toString("utf8")) as HelmRelease;
}

/** The inverse of {@link readRelease}: what goes into the Secret's data. */
export function releaseData(release: HelmRelease): string {
  const inner = gzipSync(JSON.stringify(release)).toString("base64");
  return Buffer.from(inner, "latin1").toString("base64");
}
