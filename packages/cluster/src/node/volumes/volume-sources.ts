/** Where the content of pod volumes comes from (k8s.io/api/core/v1/types.go, VolumeSource). */
import type { LabelSelectorObject, PodVolume } from "../../kinds.ts";
import type { ResourceFieldRef } from "../environment/resource-fields.ts";

export interface KeyToPath {
  key: string;
  path: string;
  mode?: number;
}

export interface ObjectProjection {
  name?: string;
  items?: KeyToPath[];
  optional?: boolean;
}

export interface DownwardFile {
  path: string;
  fieldRef?: { fieldPath: string };
  resourceFieldRef?: ResourceFieldRef;
  mode?: number;
}

export interface TokenProjection {
  audience?: string;
  expirationSeconds?: number;
  path: string;
}

export interface Projection {
  secret?: ObjectProjection;
  configMap?: ObjectProjection;
  downwardAPI?: { items?: DownwardFile[] };
  serviceAccountToken?: TokenProjection;
  clusterTrustBundle?: { name?: string; signerName?: string; labelSelector?: LabelSelectorObject; path: string };
  podCertificate?: unknown;
}

export interface HostPathSource {
  path: string;
  type?: string;
}

export interface EmptyDirSource {
  medium?: string;
  sizeLimit?: string;
}

export interface Volume extends PodVolume {
  configMap?: ObjectProjection & { defaultMode?: number };
  secret?: Omit<ObjectProjection, "name"> & { secretName?: string; defaultMode?: number };
  downwardAPI?: { items?: DownwardFile[]; defaultMode?: number };
  projected?: { sources?: Projection[]; defaultMode?: number };
  emptyDir?: EmptyDirSource;
  hostPath?: HostPathSource;
}

/** "nfs": what the volume is; undefined when it says nothing. */
export function volumeType(volume: PodVolume): string | undefined {
  return Object.keys(volume).find((key) => key !== "name" && volume[key] !== undefined && volume[key] !== null);
}
