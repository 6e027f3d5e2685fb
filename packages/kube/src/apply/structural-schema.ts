import { compareBytewise, isJsonObject } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { additionalSchema, itemsSchema, propertySchema, textOf, textsOf } from "../schema/schema-node.ts";
import {
  type ApplySchema,
  deducedApplySchema,
  type FieldSchema,
  type ListSchema,
  type MapSchema,
  untypedAtomicSchema,
} from "./apply-schema.ts";
import { nativeApplySchema } from "./native-schema.ts";

/**
 * How custom resources merge, from the schema of their version in the CustomResourceDefinition: what upstream makes of
 * the schema it publishes (kube-openapi, pkg/schemaconv/openapi.go), with apiVersion, kind and metadata added. Built as
 * far as it is asked of; keep it with the version.
 */
export function structuralApplySchema(
  openAPIV3Schema: JsonObject,
  { preserveUnknownFields = false }: { preserveUnknownFields?: boolean } = {},
): ApplySchema {
  return { map: new StructuralMapSchema(openAPIV3Schema, preserveUnknownFields, true) };
}

function schemaOf(schema: JsonObject, inherited: boolean): ApplySchema {
  const preserve = inherited || schema["x-kubernetes-preserve-unknown-fields"] === true;
  const embedded = schema["x-kubernetes-embedded-resource"] === true;
  switch (textOf(schema["type"])) {
    case "object":
      return { map: new StructuralMapSchema(schema, preserve, embedded) };
    case "array":
      return { list: listOf(schema, preserve) };
    case "integer":
    case "number":
      return { scalar: "numeric" };
    case "boolean":
      return { scalar: "boolean" };
    case "string": {
      const format = textOf(schema["format"]);
      return { scalar: format === "" || format === "byte" ? "string" : "untyped" };
    }
    case "":
      return {
        scalar: "untyped",
        list: listOf(schema, preserve),
        map: new StructuralMapSchema(schema, preserve, embedded),
      };
    default:
      return { scalar: "untyped" };
  }
}

function listOf(schema: JsonObject, preserve: boolean): ListSchema {
  const type = schema["x-kubernetes-list-type"];
  const items = itemsSchema(schema);
  return {
    atomic: type !== "set" && type !== "map",
    keys: type === "map" ? textsOf(schema["x-kubernetes-list-map-keys"]).sort(compareBytewise) : [],
    element: items === undefined ? untypedAtomicSchema : schemaOf(items, preserve),
  };
}

class StructuralMapSchema implements MapSchema {
  readonly atomic: boolean;
  readonly element: ApplySchema | undefined;
  readonly free: boolean;
  readonly #schema: JsonObject;
  readonly #preserve: boolean;
  readonly #embedded: boolean;
  readonly #fields = new Map<string, FieldSchema>();

  constructor(schema: JsonObject, inherited: boolean, embedded: boolean) {
    this.#schema = schema;
    this.#preserve = inherited || schema["x-kubernetes-preserve-unknown-fields"] === true;
    this.#embedded = embedded;
    this.atomic = schema["x-kubernetes-map-type"] === "atomic";
    const properties = schema["properties"];
    const hasFields = embedded || (isJsonObject(properties) && Object.keys(properties).length > 0);
    this.element = elementOf(schema, this.#preserve, hasFields);
    const isUntyped = this.element?.scalar === "untyped" && this.element.map === undefined;
    this.free = !hasFields && (this.element === deducedApplySchema() || isUntyped);
  }

  field(name: string): FieldSchema | undefined {
    const known = this.#fields.get(name);
    if (known !== undefined) return known;
    const field = this.#embedded && Object.hasOwn(typeFields, name) ? typeFields[name]?.() : this.#property(name);
    if (field !== undefined) this.#fields.set(name, field);
    return field;
  }

  #property(name: string): FieldSchema | undefined {
    const property = propertySchema(this.#schema, name);
    if (property === undefined) return undefined;
    const defaultValue: JsonValue | undefined = property["default"];
    return {
      schema: schemaOf(property, this.#preserve),
      ...(defaultValue !== undefined && defaultValue !== null && { default: defaultValue }),
    };
  }
}

/** The fields that every resource has. */
const typeFields: Readonly<Record<string, () => FieldSchema>> = {
  apiVersion: () => ({ schema: { scalar: "string" } }),
  kind: () => ({ schema: { scalar: "string" } }),
  metadata: () => ({ schema: nativeApplySchema("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta") }),
};

function elementOf(schema: JsonObject, preserve: boolean, hasFields: boolean): ApplySchema | undefined {
  const additional = schema["additionalProperties"];
  if (additional === undefined || additional === null) {
    return preserve || !hasFields ? deducedApplySchema() : undefined;
  }
  const element = additionalSchema(schema);
  if (element !== undefined) return schemaOf(element, preserve);
  return additional === true ? deducedApplySchema() : undefined;
}
