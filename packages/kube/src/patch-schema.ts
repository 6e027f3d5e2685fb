/**
 * What strategic merge needs to know of a type. The native types' come from the table of facts
 * (types/), tests may write their own.
 */
export interface PatchSchema {
  /** The facts of a field of this map, or undefined when the type has no such field (free-form data merges as JSON). */
  field(name: string): PatchField | undefined;
}

export interface PatchField {
  /** patchStrategy of the field, e.g. ["merge", "retainKeys"]; empty when it has none: lists are replaced, maps are merged. */
  strategies: readonly string[];
  /** patchMergeKey, for lists of maps with the merge strategy. */
  mergeKey?: string;
  /** Schema of the map, or of the list's or map's elements when those are maps. */
  element?: PatchSchema;
}
