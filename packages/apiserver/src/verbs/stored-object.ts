import { type KubeObject, stringifyJson } from "@podwright/kube";
import type { Resource } from "../resources/resource.ts";
import type { Attributes, Storage, StoredObject, Write } from "../storage/storage.ts";

/**
 * The bytes of an object that is in its storage version, with the revision as its resourceVersion when one is given.
 * kind and apiVersion come first (output/list-body.ts relies on it).
 */
export function encodeStored(object: KubeObject, revision?: number): Buffer {
  if (revision !== undefined) setResourceVersion(object, String(revision));
  const { kind, apiVersion, ...rest } = object;
  return Buffer.from(stringifyJson({ kind, apiVersion, ...rest }));
}

/**
 * Writes if the object is still the one that was read; else gives the newer one (undefined when it is gone), once the
 * disk has it.
 */
export async function writeIfUnchanged(
  storage: Storage,
  key: string,
  base: StoredObject,
  write: Write,
): Promise<{ stored: StoredObject } | { newer: StoredObject | undefined }> {
  let stale: { newer: StoredObject | undefined } | undefined;
  try {
    const { object } = await storage.write(key, (current) => {
      if (current?.revision === base.revision) return write;
      stale = { newer: current };
      throw staleWrite;
    });
    return { stored: object as StoredObject };
  } catch (error) {
    if (error === staleWrite && stale !== undefined) return stale;
    throw error;
  }
}

const staleWrite = new Error("somebody else has written");

/** What selectors look at. */
export function storedAttributes(resource: Resource, object: KubeObject): Attributes {
  const { labels } = object.metadata;
  const { strategy } = resource;
  return {
    ...(labels !== undefined && { labels }),
    ...(strategy.selectableFieldNames.length > 0 && { fields: strategy.selectableFields(object) }),
  };
}

/** Behind the uid, where Go's struct has it. */
function setResourceVersion(object: KubeObject, resourceVersion: string): void {
  const { metadata } = object;
  if (metadata.resourceVersion !== undefined) {
    metadata.resourceVersion = resourceVersion;
    return;
  }
  const { name, generateName, namespace, uid, ...rest } = metadata;
  object.metadata = {
    ...(name !== undefined && { name }),
    ...(generateName !== undefined && { generateName }),
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    resourceVersion,
    ...rest,
  };
}
