import { cloneJson, type KindFacts, type KubeObject, type TypeTable } from "@podwright/kube";
import type { NativeKind } from "../kinds/kind.ts";
import type { Struct } from "./defaulting.ts";
import { equalJson } from "./equal.ts";
import type { Strategy } from "./resource.ts";
import { zeroValue } from "./zero-value.ts";

/**
 * The strategy of a native kind: what its file under kinds/ says, and for the rest what most kinds do. A kind
 * with a status subresource starts with an empty status and changes it there only; everything but metadata and
 * status is the desired state.
 */
export function nativeStrategy(
  facts: KindFacts,
  kind: NativeKind,
  table: TypeTable,
  setDefaults: () => (value: Struct) => void,
): Strategy {
  const hasStatus = facts.subresources.some(({ name }) => name === "status");
  const selectable = Object.entries(kind.selectableFields ?? {});
  let defaulter: ((value: Struct) => void) | undefined;
  let emptyStatus: Struct | undefined;

  const validate = (object: KubeObject) => kind.validate?.(object) ?? [];

  return {
    ...(kind.validateName && { validateName: kind.validateName }),
    hasGeneration: kind.hasGeneration ?? false,
    setDefaults(object) {
      defaulter ??= setDefaults();
      defaulter(object);
    },
    prepareForCreate(object) {
      if (hasStatus && !kind.keepsStatusOnCreate) {
        emptyStatus ??= statusOf(table, facts.type);
        object["status"] = cloneJson(emptyStatus);
      }
      kind.prepareForCreate?.(object);
    },
    prepareForUpdate(object, old) {
      if (hasStatus) put(object, "status", old["status"]);
      kind.prepareForUpdate?.(object, old);
    },
    prepareForStatusUpdate(object, old) {
      for (const field of new Set([...Object.keys(object), ...Object.keys(old)])) {
        if (!notDesired.has(field)) put(object, field, old[field]);
      }
      kind.prepareForStatusUpdate?.(object, old);
    },
    validate,
    validateUpdate: (object, old) => kind.validateUpdate?.(object, old) ?? validate(object),
    validateStatusUpdate: (object, old) => kind.validateStatusUpdate?.(object, old) ?? [],
    warnings: (object, old) => kind.warnings?.(object, old) ?? [],
    generationChanges: kind.generationChanges ?? desiredStateChanged,
    selectableFields(object) {
      const values: Record<string, string> = {};
      for (const [field, value] of selectable) values[field] = String(value(object) ?? "");
      return values;
    },
    selectableFieldNames: kind.selectableFieldNames ?? selectable.map(([field]) => field),
    allowCreateOnUpdate: kind.allowCreateOnUpdate ?? false,
    allowUnconditionalUpdate: kind.allowUnconditionalUpdate ?? true,
    gracePeriodSeconds: kind.gracePeriodSeconds ?? (() => undefined),
    returnsDeletedObject: kind.returnsDeletedObject ?? false,
    ...(kind.hasOtherFinalizers && { hasOtherFinalizers: kind.hasOtherFinalizers }),
    ...(kind.prepareForDelete && { prepareForDelete: kind.prepareForDelete }),
  };
}

const notDesired: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata", "status"]);

function desiredStateChanged(object: KubeObject, old: KubeObject): boolean {
  for (const field of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (!notDesired.has(field) && !equalJson(object[field], old[field])) return true;
  }
  return false;
}

function put(object: KubeObject, field: string, value: unknown): void {
  if (value === undefined) delete object[field];
  else object[field] = value;
}

function statusOf(table: TypeTable, structName: string): Struct {
  const type = table.struct(structName)?.fields.get("status")?.type;
  return type?.type === "struct" ? zeroValue(table, type.name) : {};
}
