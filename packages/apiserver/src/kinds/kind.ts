import type { FieldError, JsonValue, KubeObject } from "@podwright/kube";
import type { ServerConversion } from "../resources/conversion.ts";
import type { Struct, StructDefaults } from "../resources/defaulting.ts";
import type { Resource, ScaleMapping, Strategy, TableConvertor } from "../resources/resource.ts";

export type { Struct } from "../resources/defaulting.ts";

/** What a native kind does otherwise than most. What it leaves out, resources/default-strategy.ts does. */
export interface NativeKind {
  /** Defaults of the kind and of the structs in it. They go for those structs wherever they appear. */
  defaults?: StructDefaults;
  validateName?: (name: string, prefix: boolean) => string[];
  /** Default: false. */
  hasGeneration?: boolean;
  /** Default: anything but metadata and status has changed. */
  generationChanges?(object: KubeObject, old: KubeObject): boolean;
  /** Runs after the status was reset. */
  prepareForCreate?(object: KubeObject): void;
  /** True: a new object keeps the status it comes with. */
  keepsStatusOnCreate?: boolean;
  /** Runs after the status was put back. */
  prepareForUpdate?(object: KubeObject, old: KubeObject): void;
  /** Runs after all but metadata and status was put back. */
  prepareForStatusUpdate?(object: KubeObject, old: KubeObject): void;
  validate?(object: KubeObject): FieldError[];
  /** Default: what `validate` says. */
  validateUpdate?(object: KubeObject, old: KubeObject): FieldError[];
  validateStatusUpdate?(object: KubeObject, old: KubeObject): FieldError[];
  warnings?(object: KubeObject, old: KubeObject | undefined): string[];
  /** Selectable fields beside metadata.name and metadata.namespace: where their values are. */
  selectableFields?: Readonly<Record<string, (object: KubeObject) => JsonValue | undefined>>;
  /** Those of them that may be selected; default: all. */
  selectableFieldNames?: readonly string[];
  allowCreateOnUpdate?: boolean;
  /** Default: true. */
  allowUnconditionalUpdate?: boolean;
  returnsDeletedObject?: boolean;
  gracePeriodSeconds?: Strategy["gracePeriodSeconds"];
  hasOtherFinalizers?(object: KubeObject): boolean;
  prepareForDelete?(object: KubeObject): void;
  table?: TableConvertor;
  /** Where objects of another version of the kind are kept. */
  storage?: Resource["storage"];
  conversion?: Omit<ServerConversion, "by">;
  scale?: ScaleMapping;
  /** Sent with every answer. */
  deprecationWarning?: string;
}

/** Paths of parts of a pod template in an object, for code that pods and workloads share. */
export function podTemplateOf(object: KubeObject): Struct {
  return object["spec"]?.template ?? {};
}
