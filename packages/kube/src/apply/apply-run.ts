import type { JsonObject, JsonValue } from "../object.ts";
import { type ApplyCase, type ApplyStep, schemaOfCase } from "./apply-cases.ts";
import type { ApplySchema } from "./apply-schema.ts";
import { applyUpdate } from "./apply-update.ts";
import { FieldSet } from "./field-set.ts";
import { ApplyConflict, type ManagedSet, type Managers } from "./managers.ts";
import { recordUpdate } from "./record-update.ts";
import { ApplySchemaError } from "./schema-problems.ts";
import { validateApplied } from "./validate-applied.ts";

/** What is after a step of a case. */
export interface ApplyState {
  object: JsonValue;
  managers: Record<string, { set: JsonObject; version: string; applied: boolean }>;
  error?: string;
  conflicts?: string;
}

/** Does the steps of a case, each with what the ones before it left; a step that fails leaves all as it was. */
export function runApplyCase(apply: ApplyCase): ApplyState[] {
  const schema = schemaOfCase(apply);
  let live = apply.empty;
  let managers: Managers = new Map();
  return apply.steps.map((step) => {
    let failure: Pick<ApplyState, "error" | "conflicts"> = {};
    try {
      const next = doStep(step, live, managers, schema);
      live = next.object;
      managers = withoutType(next.managers);
    } catch (error) {
      if (error instanceof ApplyConflict) failure = { conflicts: error.message };
      else if (error instanceof ApplySchemaError) failure = { error: error.message };
      else throw error;
    }
    return { object: live, managers: shown(managers), ...failure };
  });
}

function doStep(
  { apply, force, manager, object }: ApplyStep,
  live: JsonObject,
  managers: Managers,
  schema: ApplySchema,
): { object: JsonObject; managers: Managers } {
  validateApplied(object, schema, { allowDuplicates: !apply });
  const version = String(object["apiVersion"]);
  const before = convert(live, String(live["apiVersion"]), version);
  const context = { live: before, version, managers, manager, schemaOf: () => schema, convert };
  if (!apply) return { object, managers: recordUpdate({ ...context, next: object }) };
  const result = applyUpdate({ ...context, config: object, force });
  return { object: result.object ?? before, managers: result.managers };
}

/** Without what no manager owns in kube-apiserver (managedfields/internal/stripmeta.go). */
function withoutType(managers: Managers): Managers {
  const common = FieldSet.ofPaths("apiVersion", "kind", "metadata", "metadata.name");
  const left = new Map<string, ManagedSet>();
  for (const [manager, managed] of managers) {
    const set = managed.set.difference(common);
    if (!set.isEmpty()) left.set(manager, { ...managed, set });
  }
  return left;
}

/** spec.size of v1 is spec.extent in v2. */
function convert(object: JsonObject, from: string, to: string): JsonObject {
  if (from === to) return object;
  const spec = object["spec"];
  const converted = { ...object, apiVersion: to };
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) return converted;
  const [before, after] = to === "example.com/v1" ? (["extent", "size"] as const) : (["size", "extent"] as const);
  const { [before]: moved, ...others } = spec as JsonObject;
  return moved === undefined ? converted : { ...converted, spec: { ...others, [after]: moved } };
}

function shown(managers: Managers): ApplyState["managers"] {
  const all = [...managers].map(([manager, { set, apiVersion, applied }]) => [
    manager,
    { set: set.toJson(), version: apiVersion, applied },
  ]);
  return Object.fromEntries(all) as ApplyState["managers"];
}
