import type { JsonValue } from "../object.ts";
import type { PatchSchema } from "../patch-schema.ts";

/** The facts on native types that the table holds (native.json, written by scripts/typegen). */

export type Scalar = "string" | "bool" | "int32" | "int64" | "uint32" | "uint64" | "double" | "float" | "bytes";

/** Types that JSON or protobuf encode in a way of their own. */
export type Special =
  | "quantity"
  | "time"
  | "microTime"
  | "duration"
  | "intOrString"
  | "fieldsV1"
  | "rawExtension"
  | "json"
  /** JSONSchemaPropsOrArray, …OrBool and …OrStringArray of CustomResourceDefinition's schemas. */
  | "schemaOrArray"
  | "schemaOrBool"
  | "schemaOrStrings";

export type TypeRef =
  | { type: "scalar"; scalar: Scalar /** Its Go type where that has a name, e.g. "v1.Protocol". */; goType?: string }
  | { type: "special"; special: Special }
  | { type: "struct"; name: string }
  | {
      type: "list";
      element: TypeRef;
      /** Protobuf wraps the list in a message (ExtraValue, Verbs). */ message?: true;
      goType?: string;
    }
  | { type: "map"; value: TypeRef; goType?: string };

export interface FieldFacts {
  /** The JSON name. For an embedded struct (inline) its Go name, e.g. "VolumeSource": JSON has its fields instead of it. */
  name: string;
  /** The protobuf number; 0 where protobuf has no such field. */
  proto: number;
  type: TypeRef;
  pointer: boolean;
  required: boolean;
  /** Go leaves the field out when it is zero (which a struct that is not behind a pointer never is). */
  omitEmpty: boolean;
  /** Go leaves the field out when it is zero, times too. */
  omitZero: boolean;
  /** JSON has the fields of this struct in place of it. */
  inline: boolean;
  /** Allowed values of the field, or of the list's or map's elements. */
  enum?: string[];
  /** What an absent field stands for in list keys and in the published schema. */
  default?: JsonValue;
  /** The published schema has the zero value of the type as the default. */
  zeroDefault: boolean;
  patchStrategies: string[];
  patchMergeKey?: string;
  listType?: "atomic" | "set" | "map";
  listMapKeys?: string[];
  /** Of the field, or else of the struct it holds. */
  mapType?: "atomic" | "granular";
}

export interface UnionFacts {
  discriminator?: string;
  "fields-to-discriminateBy": Record<string, string>;
}

export interface StructFacts {
  /** Its name in OpenAPI, e.g. "io.k8s.api.core.v1.PodSpec". */
  name: string;
  /** Its name in Go's error texts, e.g. "PodSpec". */
  goName: string;
  /** The fields as Go declares them, in its order; embedded structs are fields with `inline` set. */
  fields: ReadonlyMap<string, FieldFacts>;
  /** The fields as JSON has them, in the order Go writes them: those of embedded structs are in place of them. */
  jsonFields: ReadonlyMap<string, FieldFacts>;
  mapType?: "atomic" | "granular";
  unions?: UnionFacts[];
}

export interface SubresourceFacts {
  /** e.g. "status" */
  name: string;
  kind: string;
  /** Absent when it is the resource's own. */
  group?: string;
  version?: string;
  verbs: string[];
}

/** One served resource. */
export interface KindFacts {
  /** "" for core. */
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  listKind: string;
  namespaced: boolean;
  shortNames: string[];
  categories: string[];
  verbs: string[];
  subresources: SubresourceFacts[];
  /** In legacy discovery; absent for what is not stored. */
  storageVersionHash?: string;
  /** Its struct, e.g. "io.k8s.api.core.v1.Pod". */
  type: string;
}

export interface TypeTable {
  /** Every served resource, in upstream's order of groups, newest version first. */
  readonly kinds: readonly KindFacts[];
  /** The group versions that know DeleteOptions and the other options: "v1", "apps/v1", also of groups that are not served. */
  readonly optionVersions: readonly string[];
  /** The resource of a kind; undefined for kinds that are bodies only, such as Scale and DeleteOptions. */
  kind(group: string, version: string, kind: string): KindFacts | undefined;
  struct(name: string): StructFacts | undefined;
  /** The struct of any kind that appears in a body: also lists, Scale, Eviction, Status and (in any group) DeleteOptions. */
  structOfKind(group: string, version: string, kind: string): StructFacts | undefined;
  /**
   * What strategic merge needs to know of a struct: from its Go tags, as upstream's server has it
   * (k8s.io/apimachinery/pkg/util/strategicpatch/meta.go). Throws for names that the table lacks.
   */
  patchSchema(structName: string): PatchSchema;
}
