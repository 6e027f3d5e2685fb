import type { ApplySchema, FieldError, JsonObject, KubeObject } from "@podwright/kube";
import type { Conversion } from "./conversion.ts";

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
  /** For versions that what is stored may have to be brought into. */
  conversion?: Conversion;
  /**
   * For custom resources: from parsed JSON to the form objects have here. Fields the schema does not know are dropped
   * and named in order ("spec.x"); nothing is defaulted. Changes its argument. Throws an Error with upstream's text
   * for a value that cannot be read. Native kinds are decoded by the type table.
   */
  decode?(value: KubeObject): { object: KubeObject; unknown: string[] };
  /** With a scale subresource: where the replicas are. */
  scale?: ScaleMapping;
  /** Sent as a warning with every answer of a deprecated version. */
  deprecationWarning?: string;
  /**
   * For custom resources: the OpenAPI v3 schema of the object as it is published. Called when the group's
   * document is built. Native kinds have theirs from the type table.
   */
  openApiSchema?(): JsonObject;
  /** For custom resources: how their fields merge in a server-side apply. Native kinds have it from the type table. */
  applySchema?(): ApplySchema;
}

/** How an object maps to its autoscaling/v1 Scale. */
export interface ScaleMapping {
  /** Of custom resources, which need not have the field: ".spec.replicas". */
  specReplicasPath?: string;
  /** Undefined when the object has no such field. Throws an Error when it has the wrong type. */
  specReplicas(object: KubeObject): number | undefined;
  statusReplicas(object: KubeObject): number;
  /** The Scale's status.selector: the text of a label selector, "" when there is none. */
  selector(object: KubeObject): string;
  /** Changes the object. */
  setReplicas(object: KubeObject, replicas: number): void;
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
  /**
   * What is wrong with a name, as upstream's ValidateNameFunc; with `prefix` it is a generateName. Absent: the
   * rule of most kinds, a DNS-1123 subdomain. All other checks of metadata are the verbs' own.
   */
  validateName?(name: string, prefix: boolean): string[];
  /** Fills in what the client left out, as upstream's SetDefaults functions. Run after every decoding and after each mutating admission. */
  setDefaults(object: KubeObject): void;
  /** Resets what a client may not set, sets the first status. metadata.generation is set by the verb. */
  prepareForCreate(object: KubeObject): void;
  /** Keeps what an update may not change (status, when there is a status subresource). */
  prepareForUpdate(object: KubeObject, old: KubeObject): void;
  /** The same for the status subresource: keeps all but status. */
  prepareForStatusUpdate(object: KubeObject, old: KubeObject): void;
  validate(object: KubeObject): FieldError[];
  /** @param warn is told what is wrong and let through, because it was so before */
  validateUpdate(object: KubeObject, old: KubeObject, warn?: (text: string) => void): FieldError[];
  validateStatusUpdate(object: KubeObject, old: KubeObject, warn?: (text: string) => void): FieldError[];
  /** Texts for Warning headers. */
  warnings(object: KubeObject, old: KubeObject | undefined): string[];
  /** Does the kind count generations of its desired state? Then metadata.generation starts at 1. */
  readonly hasGeneration: boolean;
  /** True when the change counts as one of the desired state: generation goes up. Asked only with `hasGeneration`. */
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
  /** May a new object be made? Throws the StatusError that says why not (a CRD that is going away). Admission asks. */
  checkCreate?(name: string): void;
  /** Does something beside metadata.finalizers keep a deleted object, as a Namespace's spec.finalizers do? Absent: no. */
  hasOtherFinalizers?(object: KubeObject): boolean;
  /**
   * Runs in the write that marks an object for deletion, before its finalizers are looked at: shows in the object
   * that its deletion has begun (a Namespace's phase), may add a finalizer (a CRD's). Changes it in place.
   */
  prepareForDelete?(object: KubeObject): void;
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
