import { createHash } from "node:crypto";
import { type Client, NoMatchError, type ResourceRef } from "@podwright/client";
import { canonicalJson, type KubeObject, StatusError } from "@podwright/kube";
import type { Plan, PlannedChange } from "../pack.ts";
import { inventoryEntry, parseManifest } from "../release/manifest.ts";
import type { HelmRelease } from "../release/release.ts";
import type { Revision } from "../release/release-index.ts";
import { fetchRelease } from "../release/storage.ts";
import { lineDiff } from "./diff.ts";
import { shown } from "./redact.ts";

/** helm's name as field manager. */
export const helmManager = "helm";

const changeLimit = 200;
const diffLimit = 4_000;
const totalLimit = 200_000;

/**
 * What a release would change in the cluster: each rendered object applied by the server without being stored, against
 * the object there is. Secrets' values are not in it, its size is bounded.
 */
export async function makePlan(given: {
  client: Client;
  nowMs: number;
  /** What the plan is for; the start of its digest. */
  basis: string;
  render: () => Promise<HelmRelease>;
  current: Revision | undefined;
}): Promise<Plan> {
  const { client, basis, nowMs } = given;
  const release = await given.render();
  const rendered = await parseManifest(release.manifest ?? "");
  const before = given.current === undefined ? undefined : await fetchRelease(client, given.current);
  const { stringify } = await import("yaml");
  const yaml = (object: KubeObject | undefined) =>
    object === undefined ? "" : stringify(shown(object), { sortMapEntries: true }).trimEnd();

  const changes: PlannedChange[] = [];
  const kept = new Set<string>();
  let size = 0;
  for (const object of rendered) {
    const ref = await resourceOf(client, object);
    const marked = asInstalled(object, release, ref);
    kept.add(identity(marked));
    const live = ref === undefined ? undefined : await get(client, ref, marked);
    const next = ref === undefined ? marked : await dryRun(client, ref, marked);
    const diff = lineDiff(yaml(live), yaml(next), Math.min(diffLimit, Math.max(0, totalLimit - size)));
    if (live !== undefined && diff === "") continue;
    size += diff.length;
    changes.push({ op: live === undefined ? "create" : "update", ...inventoryEntry(marked), diff });
  }
  for (const object of await parseManifest(before?.manifest ?? "")) {
    const ref = await resourceOf(client, object);
    const marked = asInstalled(object, release, ref);
    if (ref === undefined || kept.has(identity(marked))) continue;
    if (object.metadata.annotations?.["helm.sh/resource-policy"] === "keep") continue;
    if ((await get(client, ref, marked)) !== undefined) changes.push({ op: "delete", ...inventoryEntry(marked) });
  }
  const count = (op: string) => changes.filter((change) => change.op === op).length;
  const content = createHash("sha256")
    .update(canonicalJson(changes as never))
    .digest("hex")
    .slice(0, 8);
  return {
    digest: `${basis}-${content}`,
    createdAt: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    summary: `${count("create")} to create, ${count("update")} to update, ${count("delete")} to delete`,
    changes: changes.slice(0, changeLimit),
  };
}

/** The resource of an object; undefined for a kind that the cluster does not serve yet. */
export async function resourceOf(client: Client, object: KubeObject): Promise<ResourceRef | undefined> {
  try {
    return await client.resourceFor(object.apiVersion, object.kind);
  } catch (error) {
    if (error instanceof NoMatchError) return undefined;
    throw error;
  }
}

/** The object with what helm adds to it: namespace, label and annotations of the release. */
export function asInstalled(
  object: KubeObject,
  release: { name: string; namespace: string },
  ref: ResourceRef | undefined,
): KubeObject {
  const { metadata } = object;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(ref?.namespaced === true ? { namespace: metadata.namespace || release.namespace } : {}),
      labels: { ...metadata.labels, "app.kubernetes.io/managed-by": "Helm" },
      annotations: {
        ...metadata.annotations,
        "meta.helm.sh/release-name": release.name,
        "meta.helm.sh/release-namespace": release.namespace,
      },
    },
  };
}

function identity(object: KubeObject): string {
  const group = object.apiVersion.includes("/") ? object.apiVersion.split("/")[0] : "";
  return `${group} ${object.kind} ${object.metadata.namespace ?? ""} ${object.metadata.name}`;
}

/** The live object; undefined when there is none. */
export async function get(client: Client, ref: ResourceRef, object: KubeObject): Promise<KubeObject | undefined> {
  try {
    return await client.resource(ref).get(object.metadata.name ?? "", object.metadata.namespace);
  } catch (error) {
    if (error instanceof StatusError && error.code === 404) return undefined;
    throw error;
  }
}

/** What the server would make of the object; the object itself where it would be refused: helm will tell why. */
async function dryRun(client: Client, ref: ResourceRef, object: KubeObject): Promise<KubeObject> {
  try {
    return await client.resource(ref).patch(object.metadata.name ?? "", object.metadata.namespace, object, {
      type: "apply",
      fieldManager: helmManager,
      force: true,
      dryRun: true,
    });
  } catch (error) {
    if (error instanceof StatusError) return object;
    throw error;
  }
}
