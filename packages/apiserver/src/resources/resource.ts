import type { FieldError, KubeObject } from "@podwright/kube";

/** One resource in one version, native or custom: all that verbs, discovery, tables and OpenAPI need to know of it. */
export interface Resource {
  /** "" for core. */
  group: string;
  version: string;
  kind: string;
  listKind: string;
  plural: string;
  singular: string;
  shortNames: string[];
  categories: string[];
  namespaced: boolean;
  verbs: string[];
  /** Of the main resource's path: "status", "scale", "binding", … */
  subresources: Subresource[];
  /** What the objects are kept under: the same for all versions of a kind, and for core and events.k8s.io Events. */
  storage: { group: string; plural: string };
  /** True for kinds defined by a CRD. */
  custom: boolean;
  strategy: Strategy;
  table: TableConvertor;
}

export interface Subresource {
  name: string;
  kind: string;
  /** Group and version of the kind when they are not the parent's. */
  group?: string;
  version?: string;
  verbs: string[];
}

/**
 * What a kind does beyond what all kinds do. One file per kind under kinds/; the names are those of
 * upstream's rest.RESTCreateStrategy and RESTUpdateStrategy. All methods change their first argument in place.
 */
export interface Strategy {
  /** Fills in what the client left out, as upstream's SetDefaults functions. Run after every decoding and after each mutating admission. */
  setDefaults(object: KubeObject): void;
  /** Resets what a client may not set, sets the first status. metadata.generation is set by the verb. */
  prepareForCreate(object: KubeObject): void;
  /** Keeps what an update may not change (status, when there is a status subresource). */
  prepareForUpdate(object: KubeObject, old: KubeObject): void;
  /** The same for the status subresource: keeps all but status. */
  prepareForStatusUpdate(object: KubeObject, old: KubeObject): void;
  validate(object: KubeObject): FieldError[];
  validateUpdate(object: KubeObject, old: KubeObject): FieldError[];
  validateStatusUpdate(object: KubeObject, old: KubeObject): FieldError[];
  /** Texts for Warning headers. */
  warnings(object: KubeObject, old: KubeObject | undefined): string[];
  /** True when the change counts as one of the desired state: generation goes up. */
  generationChanges(object: KubeObject, old: KubeObject): boolean;
  /** The kind's selectable fields beside metadata.name and metadata.namespace, with their values. */
  selectableFields(object: KubeObject): Record<string, string>;
  /** Names of those fields (a selector on another is refused). */
  readonly selectableFieldNames: readonly string[];
  /** May PUT create the object? */
  readonly allowCreateOnUpdate: boolean;
  /** May an update come without resourceVersion? */
  readonly allowUnconditionalUpdate: boolean;
  /** Seconds of grace a deletion gets, or undefined when it is immediate (only pods wait). */
  gracePeriodSeconds(object: KubeObject, requested: number | undefined): number | undefined;
  /** Deletion answers with the object rather than with a Status. */
  readonly returnsDeletedObject: boolean;
}

export interface TableConvertor {
  columns: ColumnDefinition[];
  /** Cells in the columns' order; ages are relative to `now` (ms). */
  cells(object: KubeObject, now: number): Cell[];
}

export type Cell = string | number | boolean | null;

export interface ColumnDefinition {
  name: string;
  type: "string" | "integer" | "number" | "boolean" | "date";
  format: string;
  description: string;
  /** 0 is always shown, 1 with -o wide. */
  priority: number;
}

/** The resources served now. CRDs add and remove; whoever derives documents from it rebuilds on `generation`. */
export interface ResourceRegistry {
  lookup(group: string, version: string, plural: string): Resource | undefined;
  lookupKind(group: string, version: string, kind: string): Resource | undefined;
  all(): readonly Resource[];
  /** Puts a resource in (or in the place of the one with the same group, version and plural). */
  set(resource: Resource): void;
  delete(group: string, version: string, plural: string): void;
  /** Goes up with every change. */
  readonly generation: number;
}
