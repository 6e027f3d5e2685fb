import { compareBytewise } from "../json.ts";
import type { JsonObject } from "../object.ts";
import { type Comparison, compareObjects, isSame } from "./compare-objects.ts";
import { FieldSet } from "./field-set.ts";
import { ApplyConflict, type FieldConflict, type ManagedSet, type Managers, type UpdaterContext } from "./managers.ts";
import { reconcileWithSchema } from "./schema-fields.ts";

/**
 * Who owns what after a create, update or patch: the writer all that it added or changed, nobody what it removed
 * (structured-merge-diff, merge/update.go, Updater.Update). Sets that stay as they were keep their identity; so does
 * the map, when nothing changed.
 *
 * @throws {ApplySchemaError} where neither object fits its type.
 */
export function recordUpdate(context: UpdaterContext & { live: JsonObject; next: JsonObject }): Managers {
  const { live, next, version, managers, manager } = context;
  const current = reconcileManagers(context);
  const changes = assignChanges(context, current, live, next, true);
  const before = current.get(manager);
  const owned = (before?.set ?? FieldSet.empty)
    .difference(changes.removed)
    .union(changes.modified)
    .union(changes.added);
  const set = context.ignore?.(version)?.(owned) ?? owned;
  if (set.isEmpty()) current.delete(manager);
  else if (before === undefined || before.set !== set || before.apiVersion !== version || before.applied) {
    current.set(manager, { set, apiVersion: version, applied: false });
  }
  return sameManagers(current, managers) ? managers : current;
}

/** The managers of served versions, with sets that fit today's types. A new map. */
export function reconcileManagers({ managers, schemaOf }: UpdaterContext): Map<string, ManagedSet> {
  const current = new Map<string, ManagedSet>();
  for (const [manager, managed] of managers) {
    const schema = schemaOf(managed.apiVersion);
    if (schema === undefined) continue;
    const set = reconcileWithSchema(managed.set, schema);
    current.set(manager, set === managed.set ? managed : { ...managed, set });
  }
  return current;
}

/**
 * Takes from all managers but the writer what changed and what is gone.
 *
 * @returns the changes, in the writer's version, without ignored fields.
 * @throws {ApplyConflict} unless forced, when others own what changed.
 */
export function assignChanges(
  context: UpdaterContext,
  managers: Map<string, ManagedSet>,
  live: JsonObject,
  next: JsonObject,
  force: boolean,
): Comparison {
  const { version, manager: writer } = context;
  const comparisons = new Map<string, Comparison | undefined>();
  const schema = context.schemaOf(version);
  if (schema === undefined) throw new Error(`no schema for ${version}`);
  const whole = compareObjects(live, next, schema);
  if (isSame(whole)) return whole;
  const changes = filtered(context, version, whole);
  comparisons.set(version, changes);

  const conflicts: [manager: string, set: FieldSet][] = [];
  const reduced = new Map<string, FieldSet>();
  for (const [manager, managed] of managers) {
    if (manager === writer) continue;
    if (!comparisons.has(managed.apiVersion)) {
      comparisons.set(managed.apiVersion, comparisonIn(context, managed.apiVersion, live, next));
    }
    const comparison = comparisons.get(managed.apiVersion);
    if (comparison === undefined) {
      managers.delete(manager);
      continue;
    }
    const taken = manager === context.joins ? FieldSet.empty : takenFrom(managed.set, comparison);
    if (!taken.isEmpty()) conflicts.push([manager, taken]);
    const rest = managed.set.difference(taken).difference(comparison.removed);
    if (rest !== managed.set) reduced.set(manager, rest);
  }
  if (!force && conflicts.length > 0) throw conflictOf(conflicts);
  for (const [manager, set] of reduced) {
    const managed = managers.get(manager);
    if (set.isEmpty()) managers.delete(manager);
    else if (managed !== undefined) managers.set(manager, { ...managed, set });
  }
  for (const [manager, managed] of managers) if (managed.set.isEmpty()) managers.delete(manager);
  return changes;
}

/** What others' changes take from a set. */
function takenFrom(set: FieldSet, { modified, added }: Comparison): FieldSet {
  return set.intersection(modified).union(set.intersection(added));
}

function comparisonIn(
  context: UpdaterContext,
  apiVersion: string,
  live: JsonObject,
  next: JsonObject,
): Comparison | undefined {
  const schema = context.schemaOf(apiVersion);
  if (schema === undefined) return undefined;
  const before = context.convert(live, context.version, apiVersion);
  const after = before && context.convert(next, context.version, apiVersion);
  return before && after && filtered(context, apiVersion, compareObjects(before, after, schema));
}

function filtered(context: UpdaterContext, apiVersion: string, comparison: Comparison): Comparison {
  const filter = context.ignore?.(apiVersion);
  if (filter === undefined) return comparison;
  return {
    added: filter(comparison.added),
    removed: filter(comparison.removed),
    modified: filter(comparison.modified),
  };
}

function conflictOf(conflicts: [manager: string, set: FieldSet][]): ApplyConflict {
  conflicts.sort(([a], [b]) => compareBytewise(a, b));
  const fields: FieldConflict[] = [];
  for (const [manager, set] of conflicts) for (const path of set.paths()) fields.push({ manager, path });
  return new ApplyConflict(fields);
}

function sameManagers(a: Managers, b: Managers): boolean {
  if (a.size !== b.size) return false;
  for (const [manager, managed] of a) if (b.get(manager) !== managed) return false;
  return true;
}
