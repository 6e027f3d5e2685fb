import { createHash } from "node:crypto";
import { type Client, NoMatchError, type ResourceRef } from "@podwright/client";
import { canonicalJson, formatTime, isCode, type JsonObject, type KubeObject, StatusError } from "@podwright/kube";
import { mapParallel } from "../../parallel.ts";
import type { Desired } from "../controller/decide.ts";
import type { Plan, PlannedChange } from "../pack.ts";
import { inventoryEntry, parseManifest } from "../release/manifest.ts";
import type { HelmRelease } from "../release/release.ts";
import type { Revision } from "../release/release-index.ts";
import { fetchRelease } from "../release/storage.ts";
import { lineDiff, shortened } from "./diff.ts";
import { shownPair } from "./redact.ts";

/** helm's name as field manager. */
export const helmManager = "helm";

/** Objects that are looked at at the same time. */
const atOnce = 8;
/** What has not been looked at after so long is left out. */
const longestMs = 30_000;
const changeLimit = 200;
const diffLimit = 4_000;
/** Every Pack keeps its last plan, and whoever watches Packs has it in memory. */
const totalLimit = 64_000;

/** What the digest of a plan begins with. */
export function planBasis(desired: Desired, revision?: number): string {
  return `${desired.key.slice(0, 12)}-${revision ?? ""}`;
}

/**
 * What a release would change in the cluster: each rendered object applied by the server without being stored, against
 * the object there is. Secrets' values are not in it, its size is bounded.
 */
export async function makePlan(given: {
  client: Client;
  nowMs: () => number;
  /** What the plan is for; the start of its digest. */
  basis: string;
  render: () => Promise<HelmRelease>;
  current: Revision | undefined;
  /** Takes out of a diff what must not be shown, given the values that the release has now. */
  hide: (text: string, former: JsonObject | undefined) => string;
}): Promise<Plan> {
  const { client, basis, nowMs, hide } = given;
  const began = nowMs();
  const until = began + longestMs;
  const release = await given.render();
  const rendered = await parseManifest(release.manifest ?? "");
  const former = given.current === undefined ? undefined : await fetchRelease(client, given.current);
  const { stringify } = await import("yaml");
  const yaml = (object: KubeObject | undefined) =>
    object === undefined ? "" : stringify(object, { sortMapEntries: true }).trimEnd();

  const kept = new Set<string>();
  let size = 0;
  const compared = await mapParallel(rendered, atOnce, async (object): Promise<PlannedChange | undefined> => {
    const ref = await resourceOf(client, object);
    const marked = asInstalled(object, release, ref);
    kept.add(identity(marked));
    if (nowMs() > until) return undefined;
    const live = ref === undefined ? undefined : await get(client, ref, marked);
    const next = ref === undefined ? marked : await dryRun(client, ref, marked);
    const [before, after] = shownPair(live, next);
    const room = Math.min(diffLimit, Math.max(0, totalLimit - size));
    // First the secrets: half of one would not be found.
    const diff = shortened(hide(lineDiff(yaml(before), yaml(after)), former?.config), room);
    if (live !== undefined && diff === "") return undefined;
    size += diff.length;
    return { op: live === undefined ? "create" : "update", ...inventoryEntry(marked), diff };
  });
  const replaced = await parseManifest(former?.manifest ?? "");
  const gone = await mapParallel(replaced, atOnce, async (object): Promise<PlannedChange | undefined> => {
    const ref = await resourceOf(client, object);
    const marked = asInstalled(object, release, ref);
    if (ref === undefined || kept.has(identity(marked)) || nowMs() > until) return undefined;
    if (object.metadata.annotations?.["helm.sh/resource-policy"] === "keep") return undefined;
    return (await get(client, ref, marked)) === undefined ? undefined : { op: "delete", ...inventoryEntry(marked) };
  });
  const changes = [...compared, ...gone].filter((change) => change !== undefined);
  const late = nowMs() > until ? "; there was no time to look at all objects" : "";
  const count = (op: string) => changes.filter((change) => change.op === op).length;
  const content = createHash("sha256")
    .update(canonicalJson(changes as never))
    .digest("hex")
    .slice(0, 8);
  return {
    digest: `${basis}-${content}`,
    createdAt: formatTime(began),
    summary: `${count("create")} to create, ${count("update")} to update, ${count("delete")} to delete${late}`,
    changes: changes.slice(0, changeLimit),
  };
}

/** The resource of an object; undefined for a kind that the cluster does not serve yet. */
export async function resourceOf(
  client: Client,
  object: Pick<KubeObject, "apiVersion" | "kind">,
): Promise<ResourceRef | undefined> {
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
    if (isCode(error, 404)) return undefined;
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
