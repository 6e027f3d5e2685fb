import type { KubeObject, LabelSelectorObject } from "@podwright/kube";
import type { Condition } from "../conditions.ts";

/** Copies Secrets or ConfigMaps of its namespace into other namespaces, and keeps the copies as they should be. */
export interface SecretReflector extends KubeObject {
  spec: SecretReflectorSpec;
  status?: SecretReflectorStatus;
}

export interface SecretReflectorSpec {
  /** What is copied: this or `configMap`. */
  secret?: SourceReference;
  configMap?: SourceReference;
  /** Namespaces that get a copy. */
  targets?: NamespaceSet;
  /** Namespaces that get a copy when they ask for it, by the annotation {@link pullKey}. */
  allow?: NamespaceSet;
  copy?: CopyRules;
  /** Leaves everything as it is. */
  suspend?: boolean;
}

/** One of both. */
export interface SourceReference {
  name?: string;
  selector?: LabelSelectorObject;
}

/** The namespaces that a name, glob or selector fits, but for those that `exclude` fits. */
export interface NamespaceSet {
  namespaces?: string[];
  namespaceSelector?: LabelSelectorObject;
  exclude?: string[];
}

/** How a copy differs from its source. */
export interface CopyRules {
  /** A template; default "{{ name }}". */
  name?: string;
  /** Names and globs of the keys to take; default all. */
  keys?: string[];
  /** New names of keys, by their old ones. */
  rename?: Record<string, string>;
  /** Keys with values of their own; templates. */
  template?: Record<string, string>;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** Names and globs of the source's labels to keep; default none. */
  keepLabels?: string[];
  keepAnnotations?: string[];
  /** Of Secrets; default the source's. */
  type?: string;
}

export interface SecretReflectorStatus {
  observedGeneration?: number;
  /** "secret/registry". */
  source?: string;
  /** Copies there should be. */
  targets?: number;
  /** Copies there are, as they should be. */
  copies?: number;
  /** Copies whose name another object has. */
  conflicts?: number;
  conditions?: Condition[];
}

/** Keeps a reflector until its copies are removed. */
export const finalizer = "podwright.dev/reflector";

/** Annotation of a namespace that wants copies: "SOURCE-NAMESPACE/REFLECTOR", commas or white space between several. */
export const pullKey = "podwright.dev/reflect-from";

/** Label of a copy: the namespace of its source. */
export const copyLabel = "podwright.dev/reflected-from";
/** Annotation of a copy: NAMESPACE/NAME of the reflector that made it, and so whose it is. */
export const reflectorKey = "podwright.dev/reflector";
/** Annotation of a copy: NAMESPACE/NAME of its source. */
export const sourceKey = "podwright.dev/source";
/** Annotation of a copy: a digest of the labels and annotations it was given. */
export const metadataKey = "podwright.dev/reflected-metadata";

/** What people may not write into `copy.labels` and `copy.annotations`. */
export const reservedKeys: readonly string[] = [copyLabel, reflectorKey, sourceKey, metadataKey];
