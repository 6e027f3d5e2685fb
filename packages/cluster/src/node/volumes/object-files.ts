/** ConfigMaps, Secrets and the pod itself as files (k8s.io/kubernetes/pkg/volume/{configmap,secret,downwardapi}). */
import { configMaps, type ResourceRef, secrets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Pod } from "../../kinds.ts";
import { metadataField } from "../environment/pod-fields.ts";
import { resourceField } from "../environment/resource-fields.ts";
import { missingObject, type NodeObjects } from "../objects/node-objects.ts";
import type { VolumeFile } from "./atomic-writer.ts";
import type { DownwardFile, KeyToPath, ObjectProjection } from "./volume-sources.ts";

export type Files = Map<string, VolumeFile>;

/** The files of a ConfigMap or Secret. Throws when it, or a key of it, is missing and is needed. */
export async function objectFiles(
  objects: Pick<NodeObjects, "get">,
  resource: ResourceRef,
  namespace: string,
  { name = "", items = [], optional = false }: ObjectProjection,
  mode: number,
): Promise<Files> {
  const object = await objects.get(resource, namespace, name);
  if (object === undefined && !optional) throw missingObject(resource, name);
  const contents = resource === secrets ? encodedContents(object, "data") : configMapContents(object);
  if (items.length === 0) return new Map(Array.from(contents, ([key, data]) => [key, { data, mode }]));
  const files: Files = new Map();
  for (const item of items) addItem(files, contents, item, { resource, optional, mode });
  return files;
}

function addItem(
  files: Files,
  contents: ReadonlyMap<string, Uint8Array | string>,
  item: KeyToPath,
  { resource, optional, mode }: { resource: ResourceRef; optional: boolean; mode: number },
): void {
  const data = contents.get(item.key);
  if (data !== undefined) files.set(item.path, { data, mode: item.mode ?? mode });
  else if (!optional) {
    const what =
      resource === configMaps ? "configmap references non-existent config" : "references non-existent secret";
    throw new Error(`${what} key: ${item.key}`);
  }
}

function configMapContents(object: KubeObject | undefined): Map<string, Uint8Array | string> {
  const texts = Object.entries((object?.["data"] ?? {}) as Record<string, string>);
  return new Map<string, Uint8Array | string>([...texts, ...encodedContents(object, "binaryData")]);
}

function encodedContents(object: KubeObject | undefined, field: "data" | "binaryData"): Map<string, Uint8Array> {
  const entries = Object.entries((object?.[field] ?? {}) as Record<string, string>);
  return new Map(entries.map(([key, value]) => [key, Buffer.from(value, "base64")]));
}

/** What the pod tells about itself. Throws for fields that cannot be told; all that are wrong in one message. */
export function downwardFiles(
  pod: Pod,
  items: readonly DownwardFile[],
  allocatable: Readonly<Record<string, string>>,
  mode: number,
): Files {
  const files: Files = new Map();
  const problems: string[] = [];
  for (const { path, fieldRef, resourceFieldRef, mode: own = mode } of items) {
    try {
      let data = "";
      if (fieldRef !== undefined) data = metadataField(pod, fieldRef.fieldPath);
      else if (resourceFieldRef !== undefined) data = resourceField(pod, undefined, resourceFieldRef, allocatable);
      files.set(path, { data, mode: own });
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  if (problems.length > 0) throw new Error(aggregate(problems));
  return files;
}

/** Several errors as one, as k8s.io/apimachinery/pkg/util/errors writes them. */
export function aggregate(problems: readonly string[]): string {
  const distinct = [...new Set(problems)];
  return distinct.length === 1 ? (distinct[0] as string) : `[${distinct.join(", ")}]`;
}
