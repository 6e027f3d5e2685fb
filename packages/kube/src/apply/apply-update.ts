import { isJsonObject, jsonEqual } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import type { ApplySchema } from "./apply-schema.ts";
import { FieldSet } from "./field-set.ts";
import { fieldSetOf } from "./field-set-of.ts";
import type { ManagedSet, Managers, UpdaterContext } from "./managers.ts";
import { mergeApplied } from "./merge-applied.ts";
import { assignChanges, reconcileManagers } from "./record-update.ts";
import { removeFields } from "./remove-fields.ts";
import { withNamedFields } from "./schema-fields.ts";
import { ApplySchemaError } from "./schema-problems.ts";

/**
 * Applies a configuration: merges it into the live object, removes what the manager applied before and no longer does
 * unless another owns it, and says who owns what (structured-merge-diff, merge/update.go, Updater.Apply). The
 * configuration is to be checked first (validateApplied).
 *
 * @returns no object when the live one stays as it is. Lists and maps that lose all they have may be null in it.
 * @throws {ApplyConflict} unless forced, when others own fields that were applied with other values.
 * @throws {ApplySchemaError} where the objects do not fit their type.
 */
export function applyUpdate(context: UpdaterContext & { live: JsonObject; config: JsonObject; force: boolean }): {
  object?: JsonObject;
  managers: Managers;
} {
  const { live, config, version, manager, force } = context;
  const schema = context.schemaOf(version);
  if (schema === undefined) throw new Error(`no schema for ${version}`);
  const managers = reconcileManagers(context);
  const merged = mergedConfig(live, config, schema);
  const last = managers.get(manager);
  const owned = fieldSetOf(config, schema);
  const set = context.ignore?.(version)?.(owned) ?? owned;
  const unchanged = last?.applied === true && last.apiVersion === version && last.set.equals(set);
  managers.set(manager, unchanged ? last : { set, apiVersion: version, applied: true });
  const next = last === undefined ? merged : pruned(context, merged, managers, last);
  const object = isJsonObject(next) ? next : {};
  assignChanges(context, managers, live, object, force);
  if (managers.get(manager)?.set.isEmpty()) managers.delete(manager);
  return { ...(object !== live && !jsonEqual(object, live) && { object }), managers };
}

function mergedConfig(live: JsonObject, config: JsonObject, schema: ApplySchema): JsonObject {
  try {
    return mergeApplied(live, config, schema) as JsonObject;
  } catch (error) {
    if (error instanceof ApplySchemaError) throw new ApplySchemaError(error.problems, "failed to merge config: ");
    throw error;
  }
}

/** An object in one of its versions. */
interface Versioned {
  object: JsonValue;
  version: string;
  schema: ApplySchema;
}

/** Removes what the manager applied last and now does not, and that no other manager has. */
function pruned(
  context: UpdaterContext,
  merged: JsonObject,
  managers: Map<string, ManagedSet>,
  last: ManagedSet,
): JsonValue {
  if (last.set.isEmpty()) return merged;
  const now = managers.get(context.manager) as ManagedSet;
  if (last.apiVersion === now.apiVersion && last.set.difference(now.set).isEmpty()) return merged;
  const schema = context.schemaOf(context.version) as ApplySchema;
  const before = inVersion(context, { object: merged, version: context.version, schema }, last.apiVersion);
  if (before === undefined) return merged;
  const lastSet = withNamedFields(last.set, before.schema);
  const stripped = { ...before, object: removeFields(before.object, before.schema, lastSet) };
  const withOwned = addOwned(context, before, stripped, managers);
  const withDangling = addDangling(context, before, withOwned, lastSet);
  return inVersion(context, withDangling, now.apiVersion)?.object ?? merged;
}

/** Adds back what some manager has, one version after the other, that of the pruned object first. */
function addOwned(context: UpdaterContext, merged: Versioned, stripped: Versioned, managers: Managers): Versioned {
  const sets = new Map<string, FieldSet>([[stripped.version, FieldSet.empty]]);
  for (const { apiVersion, set } of managers.values()) {
    sets.set(apiVersion, (sets.get(apiVersion) ?? FieldSet.empty).union(set));
  }
  let whole = merged;
  let rest = stripped;
  for (const [version, owned] of sets) {
    if (owned.isEmpty()) continue;
    const wholeHere = inVersion(context, whole, version);
    const restHere = wholeHere && inVersion(context, rest, version);
    if (wholeHere === undefined || restHere === undefined) continue;
    const { schema, object } = wholeHere;
    const keep = namedFieldsOf(restHere.object, schema).union(withNamedFields(owned, schema));
    whole = wholeHere;
    rest = { ...wholeHere, object: removeFields(object, schema, namedFieldsOf(object, schema).difference(keep)) };
  }
  return rest;
}

/** Adds back what went with something the manager had applied without being part of that. */
function addDangling(context: UpdaterContext, merged: Versioned, stripped: Versioned, lastSet: FieldSet): Versioned {
  const rest = inVersion(context, stripped, merged.version);
  if (rest === undefined) return merged;
  const { object, schema } = merged;
  const gone = namedFieldsOf(object, schema).difference(namedFieldsOf(rest.object, schema));
  return { ...merged, object: removeFields(object, schema, gone.intersection(lastSet)) };
}

function namedFieldsOf(object: JsonValue, schema: ApplySchema): FieldSet {
  return withNamedFields(fieldSetOf(object, schema), schema);
}

function inVersion(context: UpdaterContext, value: Versioned, version: string): Versioned | undefined {
  if (value.version === version) return value;
  const schema = context.schemaOf(version);
  if (schema === undefined) return undefined;
  const object = context.convert(isJsonObject(value.object) ? value.object : {}, value.version, version);
  return object && { object, version, schema };
}
