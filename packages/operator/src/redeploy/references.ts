import type { ContentKind } from "../content/content-index.ts";
import { formatReference, type Reference } from "./annotation.ts";

interface KeyRef {
  name?: string;
  key?: string;
}

interface Source {
  name?: string;
  secretName?: string;
  items?: { key: string }[];
}

interface Volume {
  configMap?: Source;
  secret?: Source;
  projected?: { sources?: { configMap?: Source; secret?: Source }[] };
}

interface Container {
  env?: { valueFrom?: { configMapKeyRef?: KeyRef; secretKeyRef?: KeyRef } }[];
  envFrom?: { configMapRef?: { name?: string }; secretRef?: { name?: string } }[];
}

/** The part of a pod's spec that may refer to ConfigMaps and Secrets. */
export interface ReferringPodSpec {
  containers?: Container[];
  initContainers?: Container[];
  volumes?: Volume[];
}

/**
 * The ConfigMaps and Secrets that a pod reads: env, envFrom, volumes (projected ones too), of init containers as
 * well; one key where it names the key. Pull secrets are not among them: who has pulled needs them no more.
 */
export function referencesOf(spec: ReferringPodSpec): Reference[] {
  const found = new Map<string, Reference>();
  const add = (kind: ContentKind, name: string | undefined, key?: string) => {
    if (!name) return;
    const reference: Reference = key === undefined ? { kind, name } : { kind, name, key };
    found.set(formatReference(reference), reference);
  };
  const addSource = (kind: ContentKind, name: string | undefined, items: Source["items"]) => {
    if (items === undefined || items.length === 0) add(kind, name);
    else for (const { key } of items) add(kind, name, key);
  };
  const addSources = ({ configMap, secret }: { configMap?: Source; secret?: Source }) => {
    if (configMap) addSource("ConfigMap", configMap.name, configMap.items);
    if (secret) addSource("Secret", secret.secretName ?? secret.name, secret.items);
  };
  for (const { env, envFrom } of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    for (const { valueFrom } of env ?? []) {
      add("ConfigMap", valueFrom?.configMapKeyRef?.name, valueFrom?.configMapKeyRef?.key);
      add("Secret", valueFrom?.secretKeyRef?.name, valueFrom?.secretKeyRef?.key);
    }
    for (const { configMapRef, secretRef } of envFrom ?? []) {
      add("ConfigMap", configMapRef?.name);
      add("Secret", secretRef?.name);
    }
  }
  for (const volume of spec.volumes ?? []) {
    addSources(volume);
    for (const source of volume.projected?.sources ?? []) addSources(source);
  }
  return [...found.values()];
}
