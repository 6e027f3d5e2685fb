import type { Client, ResourceRef } from "@podwright/client";
import { applyJsonPatch, canonicalJson, type JsonObject, type JsonValue, type KubeObject } from "@podwright/kube";
import { mapParallel } from "../../parallel.ts";
import { type IgnoreRule, type InventoryEntry, ignoreDriftKey } from "../pack.ts";
import { asInstalled, get, helmManager, resourceOf } from "../plan/plan.ts";
import { bare } from "../plan/redact.ts";
import { matchesTarget } from "../post-render/target.ts";
import { inventoryEntry, parseManifest } from "../release/manifest.ts";
import type { HelmRelease } from "../release/release.ts";

/** Objects that are looked at at the same time. */
const atOnce = 8;

/** An object that is not as the release has it. */
export interface Drift {
  entry: InventoryEntry;
  missing: boolean;
  /** Applies it again, over whoever changed it. */
  correct(): Promise<void>;
}

/**
 * The objects of a release that somebody changed or deleted: those that an apply of what was rendered would change.
 * What the rules name, and objects with the annotation, are left out.
 */
export async function findDrift(client: Client, release: HelmRelease, rules: readonly IgnoreRule[]): Promise<Drift[]> {
  const found = await mapParallel(await parseManifest(release.manifest ?? ""), atOnce, async (rendered) => {
    const ref = await resourceOf(client, rendered);
    if (ref === undefined) return undefined;
    const object = asInstalled(rendered, release, ref);
    const live = await get(client, ref, object);
    if ((live ?? object).metadata.annotations?.[ignoreDriftKey] === "true") return undefined;
    const ignored = rules.filter((rule) => matchesTarget(object, rule.target)).flatMap((rule) => rule.paths);
    if (ignored.includes("") || ignored.includes("/")) return undefined;
    const wanted = without(object, ignored);
    if (live !== undefined) {
      const next = await apply(client, ref, wanted, true);
      if (canonicalJson(comparable(next, ignored)) === canonicalJson(comparable(live, ignored))) return undefined;
    }
    return {
      entry: inventoryEntry(object),
      missing: live === undefined,
      correct: async () => {
        await apply(client, ref, live === undefined ? object : wanted, false);
      },
    };
  });
  return found.filter((drift) => drift !== undefined);
}

function apply(client: Client, ref: ResourceRef, object: KubeObject, dryRun: boolean): Promise<KubeObject> {
  const { name = "", namespace } = object.metadata;
  const options = { type: "apply" as const, fieldManager: helmManager, force: true, dryRun };
  return client.resource(ref).patch(name, namespace, object, options);
}

function comparable(object: KubeObject, ignored: readonly string[]): JsonValue {
  return without(bare(object), ignored) as unknown as JsonValue;
}

/** Without what is at the JSON pointers. */
function without(object: KubeObject, pointers: readonly string[]): KubeObject {
  let result = object as unknown as JsonObject;
  for (const path of pointers) {
    try {
      result = applyJsonPatch(result, [{ op: "remove", path }]) as JsonObject;
    } catch {
      // There is nothing at it.
    }
  }
  return result as unknown as KubeObject;
}
