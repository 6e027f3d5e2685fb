import type { JsonObject, KubeObject } from "@podwright/kube";
import type { Condition } from "../conditions.ts";

/** A helm chart with its values, to be kept installed as a release. */
export interface Pack extends KubeObject {
  spec: PackSpec;
  status?: PackStatus;
}

export interface PackSpec {
  chart: {
    /** Default: the ClusterPackRepository with the annotation {@link defaultRepositoryKey}. */
    repository?: RepositoryReference;
    name: string;
    /** Exact, PEP 440 ("~=0.4.3", ">=1,<2") or semver ("^1.2", "1.x") range; default the newest release. */
    version?: string;
  };
  /** What `{{ vars.NAME }}` in values stands for. */
  vars?: JsonObject;
  values?: JsonObject;
  /** Merged in order, below `values`. */
  valuesFrom?: ValuesReference[];
  /** Default: the Pack's name. */
  releaseName?: string;
  /** Default: the Pack's namespace. */
  targetNamespace?: string;
  dependsOn?: { name: string; namespace?: string }[];
  suspend?: boolean;
  /** Go duration; default "10m". */
  interval?: string;
  /** Of one helm action; Go duration, default "5m". */
  timeout?: string;
  /** Of the Pack's namespace: helm acts as it. */
  serviceAccountName?: string;
  install?: InstallOptions;
  upgrade?: UpgradeOptions;
  test?: { enable?: boolean; ignoreFailures?: boolean };
  driftDetection?: { mode?: DriftMode; ignore?: IgnoreRule[] };
  postRender?: { patch: string; target?: ObjectTarget }[];
  approval?: "auto" | "manual";
  /** Revisions helm keeps; default 10, 0 for all. */
  maxHistory?: number;
}

/** Where a chart comes from. The namespace is the Pack's, and may not be another. */
export interface RepositoryReference {
  kind: "PackRepository" | "ClusterPackRepository";
  name: string;
  namespace?: string;
}

export interface ValuesReference {
  kind: "ConfigMap" | "Secret";
  name: string;
  /** Default "values.yaml". */
  valuesKey?: string;
  /** The content becomes one value at this path, as by `helm --set`, above all others. */
  targetPath?: string;
  /** What does not exist is left out. */
  optional?: boolean;
}

export type CrdPolicy = "Skip" | "Create" | "CreateReplace";

export interface InstallOptions {
  /** Default "Create". */
  crds?: CrdPolicy;
  /** Default true. */
  wait?: boolean;
  disableHooks?: boolean;
  /** Further attempts after a failure; -1 for ever; default 0 with a remediation, else -1. */
  retries?: number;
  remediation?: "uninstall" | "none";
}

export interface UpgradeOptions {
  /** Default "Skip". */
  crds?: CrdPolicy;
  /** Default true. */
  wait?: boolean;
  disableHooks?: boolean;
  retries?: number;
  remediation?: "rollback" | "uninstall" | "none";
}

export type DriftMode = "off" | "warn" | "correct";

export interface IgnoreRule {
  /** JSON pointers. */
  paths: string[];
  target?: ObjectTarget;
}

/** Rendered objects; what is not given matches all. */
export interface ObjectTarget {
  group?: string;
  version?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  /** "app=web,tier!=db". */
  labelSelector?: string;
}

export interface PackStatus {
  observedGeneration?: number;
  conditions?: Condition[];
  /** Newest first. */
  history?: ReleaseRecord[];
  chart?: { name: string; version: string; digest: string };
  inventory?: InventoryEntry[];
  lastAttempted?: RevisionRecord;
  lastApplied?: RevisionRecord & { revision?: number };
  plan?: Plan;
  /** Failed attempts in a row. */
  failures?: number;
  /** The value of {@link requestedAtKey} that was seen to last. */
  lastHandledRequest?: string;
  /** What is waited for. */
  dependsOn?: string[];
}

export interface ReleaseRecord {
  revision: number;
  chartVersion: string;
  appVersion?: string;
  digest?: string;
  configDigest?: string;
  status: string;
  action?: string;
  /** RFC 3339. */
  time?: string;
}

export interface RevisionRecord {
  version: string;
  /** Of the chart. */
  digest: string;
  /** Of the values. */
  configDigest: string;
}

export interface InventoryEntry {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
}

export interface Plan {
  digest: string;
  createdAt: string;
  summary: string;
  changes: PlannedChange[];
  /** Of the release, when it has been carried out. */
  revision?: number;
}

export interface PlannedChange extends InventoryEntry {
  op: "create" | "update" | "delete";
  diff?: string;
}

/** Charts for the Packs of its namespace. */
export interface PackRepository extends KubeObject {
  spec: RepositorySpec;
  status?: RepositoryStatus;
}

/** Charts for the Packs of all namespaces. */
export interface ClusterPackRepository extends KubeObject {
  spec: RepositorySpec;
  status?: RepositoryStatus;
}

export interface RepositorySpec {
  /** "https://HOST/PATH", "oci://HOST/PATH", or a folder of charts on the operator's machine: "file:///PATH". */
  url: string;
  /** A Secret with username and password, or token; ca.crt; tls.crt and tls.key. A PackRepository's is of its namespace. */
  secretRef?: { name: string; namespace?: string };
  /** Between fetches of the index; Go duration, default "10m". */
  interval?: string;
  /** Of one fetch; Go duration, default "60s". */
  timeout?: string;
  suspend?: boolean;
  /** Sends credentials also to other hosts that the index names. */
  passCredentials?: boolean;
  /** Talks HTTP to an OCI registry. */
  insecure?: boolean;
}

export interface RepositoryStatus {
  observedGeneration?: number;
  conditions?: Condition[];
  /** Chart names in the index; unknown of an OCI registry. */
  charts?: number;
  lastFetch?: string;
  /** sha256 of the index. */
  digest?: string;
  type?: "http" | "oci" | "folder";
}

/** Annotation, "true" on the ClusterPackRepository of Packs that name no repository. */
export const defaultRepositoryKey = "podwright.dev/default";

/** Annotation with the digest of the plan that may be carried out. */
export const approveKey = "podwright.dev/approve";

/** Annotation: a new value asks for a reconcile now. */
export const requestedAtKey = "podwright.dev/requested-at";

/** Annotation, "true" on a rendered object whose drift is left alone. */
export const ignoreDriftKey = "podwright.dev/ignore-drift";
