import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Client } from "@podwright/client";
import { type KubeObject, StatusError } from "@podwright/kube";
import { parseAllDocuments } from "yaml";

/** The objects of a file under examples/. */
export async function readExample(path: string): Promise<KubeObject[]> {
  const file = fileURLToPath(new URL(`../../../../examples/${path}`, import.meta.url));
  return parseAllDocuments(await readFile(file, "utf8")).map((document) => document.toJS() as KubeObject);
}

/** Creates the object, or changes the one that is there; gives the line that kubectl would print. */
export async function applyObject(client: Client, object: KubeObject): Promise<string> {
  const ref = await client.resourceFor(object.apiVersion, object.kind);
  const resource = client.resource(ref);
  const { name, namespace } = object.metadata as { name: string; namespace?: string };
  const title = `${ref.group === "" ? ref.kind.toLowerCase() : `${ref.kind.toLowerCase()}.${ref.group}`}/${name}`;
  try {
    await resource.create(object, { fieldManager: "podwright" });
    return `${title} created`;
  } catch (error) {
    if (!(error instanceof StatusError) || error.reason !== "AlreadyExists") throw error;
  }
  const before = await resource.get(name, namespace);
  const after = await resource.patch(name, namespace, object, { type: "merge", fieldManager: "podwright" });
  return `${title} ${before.metadata.resourceVersion === after.metadata.resourceVersion ? "unchanged" : "configured"}`;
}
