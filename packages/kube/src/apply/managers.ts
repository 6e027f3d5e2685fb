import type { JsonObject } from "../object.ts";
import type { ApplySchema } from "./apply-schema.ts";
import type { FieldSetFilter } from "./field-filter.ts";
import type { FieldSet } from "./field-set.ts";
import { formatPath, type PathElement } from "./path-element.ts";

/** What one manager owns. */
export interface ManagedSet {
  readonly set: FieldSet;
  /** In which the set's paths are, e.g. "apps/v1". */
  readonly apiVersion: string;
  /** Whether it comes of applying. */
  readonly applied: boolean;
}

/** By an identifier of the manager that is the caller's choice. */
export type Managers = ReadonlyMap<string, ManagedSet>;

export interface UpdaterContext {
  /** The apiVersion of the objects given, e.g. "apps/v1". */
  version: string;
  managers: Managers;
  /** Who writes. */
  manager: string;
  /** What the caller will add the writer's fields to: they need not be taken from it. */
  joins?: string | undefined;
  /** Undefined when the version is not served (any more): who owns fields in it is forgotten. */
  schemaOf(apiVersion: string): ApplySchema | undefined;
  /** Undefined as for schemaOf. Called only where the versions differ. */
  convert(object: JsonObject, from: string, to: string): JsonObject | undefined;
  /** Which fields are nobody's in a version. */
  ignore?(apiVersion: string): FieldSetFilter | undefined;
}

export interface FieldConflict {
  manager: string;
  path: PathElement[];
}

/** Others own fields that were applied with other values. The message is upstream's, with the identifiers given. */
export class ApplyConflict extends Error {
  override name = "ApplyConflict";
  /** By manager, then in the order of their sets. */
  readonly conflicts: readonly FieldConflict[];

  constructor(conflicts: readonly FieldConflict[]) {
    super(conflictText(conflicts));
    this.conflicts = conflicts;
  }
}

function conflictText(conflicts: readonly FieldConflict[]): string {
  const [first] = conflicts;
  if (first !== undefined && conflicts.length === 1) {
    return `conflict with ${JSON.stringify(first.manager)}: ${formatPath(first.path)}`;
  }
  const lines: string[] = [];
  let manager: string | undefined;
  for (const conflict of conflicts) {
    if (conflict.manager !== manager) lines.push(`conflicts with ${JSON.stringify(conflict.manager)}:`);
    manager = conflict.manager;
    lines.push(`- ${formatPath(conflict.path)}`);
  }
  return lines.join("\n");
}
