import { isJsonObject, type KubeObject } from "@podwright/kube";
import { helmYaml } from "../helm/yaml.ts";
import type { InventoryEntry } from "../pack.ts";

/**
 * The objects of a rendered manifest, in its order; Lists are taken apart, what is no object is left out.
 * Throws when it is no YAML. The parser is loaded when first needed.
 */
export async function parseManifest(manifest: string): Promise<KubeObject[]> {
  const { parseAllDocuments } = await import("yaml");
  const objects: KubeObject[] = [];
  const documents = parseAllDocuments(manifest, helmYaml);
  for (const document of Array.isArray(documents) ? documents : []) {
    if (document.errors.length > 0) throw new Error(`the rendered manifest is no YAML: ${document.errors[0]?.message}`);
    const value: unknown = document.toJS({ maxAliasCount: 1000 });
    if (!isKubeObject(value)) continue;
    if (value.kind.endsWith("List") && Array.isArray(value["items"])) {
      objects.push(...(value["items"] as unknown[]).filter(isKubeObject));
    } else objects.push(value);
  }
  return objects;
}

function isKubeObject(value: unknown): value is KubeObject {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as KubeObject).apiVersion === "string" &&
    typeof (value as KubeObject).kind === "string" &&
    isJsonObject((value as KubeObject).metadata as never)
  );
}

/** Who a rendered object is. The namespace is the one it names; the release's goes for namespaced kinds without one. */
export function inventoryEntry(object: KubeObject): InventoryEntry {
  const { name, namespace } = object.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    ...(namespace ? { namespace } : {}),
    name: name ?? "",
  };
}
