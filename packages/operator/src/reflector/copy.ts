import type { KubeObject } from "@podwright/kube";
import type { ContentHasher } from "../content/content-hash.ts";
import { contentOf } from "../content/content-hash.ts";
import type { ContentEntry, ContentKind } from "../content/content-index.ts";
import { matchesAny } from "./glob.ts";
import type { ReflectionRules } from "./reflection-rules.ts";
import {
  type CopyRules,
  copyLabel,
  metadataKey,
  reflectorKey,
  reservedKeys,
  type SecretReflector,
  sourceKey,
} from "./secret-reflector.ts";

/** A copy as it should be, but for its content: hashes tell whether the one there is right. */
export interface WantedCopy {
  kind: ContentKind;
  namespace: string;
  name: string;
  type?: string;
  immutable: boolean;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Each key with the hash of its value. */
  keys: ReadonlyMap<string, string>;
}

/** Tokens are those of a service account of their namespace: elsewhere they are plain data. */
const tokenType = "kubernetes.io/service-account-token";
const neverKept = ["kubectl.kubernetes.io/last-applied-configuration"];

/** What the copies of one source have in common. */
export function copyMetadata(reflector: SecretReflector, source: ContentEntry, hasher: ContentHasher) {
  const { copy = {} } = reflector.spec;
  const labels = {
    ...kept(source.labels, copy.keepLabels),
    ...copy.labels,
    [copyLabel]: source.namespace,
  };
  const annotations: Record<string, string> = {
    ...kept(source.annotations, copy.keepAnnotations),
    ...copy.annotations,
    [reflectorKey]: `${reflector.metadata.namespace}/${reflector.metadata.name}`,
    [sourceKey]: `${source.namespace}/${source.name}`,
  };
  annotations[metadataKey] = hasher.of(JSON.stringify([sorted(labels), sorted(annotations)]));
  const type =
    source.kind === "Secret" ? (copy.type ?? (source.type === tokenType ? "Opaque" : source.type)) : undefined;
  return { labels, annotations, immutable: source.immutable === true, ...(type === undefined ? {} : { type }) };
}

/** The keys a copy takes over: by their new name, the old one. */
export function takenKeys(rules: CopyRules, keys: Iterable<string>): Map<string, string> {
  const taken = new Map<string, string>();
  for (const key of keys) {
    if (rules.keys !== undefined && !matchesAny(rules.keys, key)) continue;
    const renamed = rules.rename !== undefined && Object.hasOwn(rules.rename, key) ? rules.rename[key] : undefined;
    taken.set(renamed ?? key, key);
  }
  return taken;
}

/** The values that templates give, of one source for one namespace. Throws TemplateError. */
export function renderedKeys(rules: ReflectionRules, source: KubeObject, targetNamespace: string): Map<string, string> {
  const data = new Map<string, string>();
  for (const [key, value] of contentOf(source)) data.set(key, Buffer.from(value).toString("utf8"));
  const { name, namespace } = source.metadata as { name: string; namespace: string };
  const names = { name, namespace, targetNamespace, data };
  return new Map([...rules.template].map(([key, template]) => [key, template.render(names)]));
}

/** Whether what is there is as wanted. */
export function isAsWanted(there: ContentEntry, wanted: WantedCopy): boolean {
  return (
    there.type === wanted.type &&
    (there.immutable === true) === wanted.immutable &&
    includes(there.labels, wanted.labels) &&
    includes(there.annotations, wanted.annotations) &&
    there.keys.size === wanted.keys.size &&
    includes(Object.fromEntries(there.keys), Object.fromEntries(wanted.keys))
  );
}

/** The object to write. */
export function copyObject(
  wanted: WantedCopy,
  copyRules: CopyRules,
  source: KubeObject,
  rendered: ReadonlyMap<string, string>,
): KubeObject {
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  const from = { ...source["data"], ...source["binaryData"] } as Record<string, string>;
  for (const [key, old] of takenKeys(copyRules, Object.keys(from))) {
    if (rendered.has(key)) continue;
    if (source["binaryData"] !== undefined && Object.hasOwn(source["binaryData"], old)) {
      binaryData[key] = from[old] as string;
    } else data[key] = from[old] ?? "";
  }
  for (const [key, text] of rendered) {
    data[key] = wanted.kind === "Secret" ? Buffer.from(text).toString("base64") : text;
  }
  const { kind, name, namespace, labels, annotations, type, immutable } = wanted;
  return {
    apiVersion: "v1",
    kind,
    metadata: { name, namespace, labels, annotations },
    ...(type === undefined ? {} : { type }),
    ...(immutable ? { immutable } : {}),
    data,
    ...(Object.keys(binaryData).length > 0 ? { binaryData } : {}),
  };
}

function kept(from: Readonly<Record<string, string>>, globs: readonly string[] | undefined): Record<string, string> {
  if (globs === undefined) return {};
  return Object.fromEntries(
    Object.entries(from).filter(([key]) => matchesAny(globs, key) && !neverKept.includes(key) && !ownKey(key)),
  );
}

function ownKey(key: string): boolean {
  return reservedKeys.includes(key);
}

function includes(all: Readonly<Record<string, string>>, some: Readonly<Record<string, string>>): boolean {
  return Object.entries(some).every(([key, value]) => all[key] === value);
}

function sorted(map: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}
