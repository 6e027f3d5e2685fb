import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type KubeObject,
  messageOf,
  nativeTypes,
  parseApiVersion,
} from "@podwright/kube";
import { helmYaml } from "../helm/yaml.ts";
import type { ObjectTarget } from "../pack.ts";
import { parseManifest } from "../release/manifest.ts";
import { matchesTarget } from "./target.ts";

/**
 * A manifest with patches on the objects they are for: JSON patches (a list of operations) and merge patches (an
 * object; strategic for kinds of Kubernetes' own). A merge patch without target is for the object it names itself.
 * Throws when a patch cannot be applied.
 */
export async function patchManifest(
  manifest: string,
  patches: readonly { patch: string; target?: ObjectTarget }[],
): Promise<string> {
  const { parse, stringify } = await import("yaml");
  let objects = await parseManifest(manifest);
  for (const [index, { patch, target }] of patches.entries()) {
    const value = parse(patch, helmYaml) as JsonValue;
    const wanted = target ?? targetOf(value, index);
    try {
      objects = objects.map((object) => (matchesTarget(object, wanted) ? patched(object, value) : object));
    } catch (error) {
      throw new Error(`patch ${index}: ${messageOf(error)}`);
    }
  }
  return objects.map((object) => `---\n${stringify(object, helmYaml)}`).join("");
}

function targetOf(patch: JsonValue, index: number): ObjectTarget {
  const { kind, metadata } = isJsonObject(patch) ? patch : ({} as JsonObject);
  const name = isJsonObject(metadata) ? metadata["name"] : undefined;
  if (typeof kind !== "string" || typeof name !== "string") {
    throw new Error(`patch ${index}: it needs a target, or kind and metadata.name in itself`);
  }
  return { kind, name };
}

function patched(object: KubeObject, patch: JsonValue): KubeObject {
  const copy = structuredClone(object) as unknown as JsonObject;
  if (Array.isArray(patch)) return applyJsonPatch(copy, patch) as unknown as KubeObject;
  if (!isJsonObject(patch)) throw new Error("it is neither an object nor a list of operations");
  const { group, version } = parseApiVersion(object.apiVersion);
  const types = nativeTypes();
  const native = types.kind(group, version, object.kind);
  return (native === undefined
    ? applyMergePatch(copy, patch)
    : applyStrategicMergePatch(copy, patch, types.patchSchema(native.type))) as unknown as KubeObject;
}
