import { customResourceDefinition, nanoPods } from "@podwright/client";
import type { JsonObject, KubeObject } from "@podwright/kube";
import { type FieldFacts, nativeTypes, type TypeRef, type TypeTable } from "@podwright/kube";

/**
 * The NanoPod CustomResourceDefinition: upstream's names, version and status subresource, so that its manifests
 * apply unchanged. The template's schema is that of a PodTemplateSpec taken as a strategic merge patch: every
 * field known and typed, none required, null and the patch directives allowed.
 */
export function nanoPodCrd(): KubeObject {
  const template = {
    ...structPatchSchema("io.k8s.api.core.v1.PodTemplateSpec", nativeTypes()),
    description: "Merged into the pod, as a strategic merge patch.",
  };
  return customResourceDefinition(nanoPods, {
    singular: "nanopod",
    description: "Arms the pods that carry its name in their label nano-pods.",
    spec: {
      type: "object",
      properties: {
        template,
        patchStrategy: { type: "string", description: "OverWritePatch, which is what any value means." },
      },
    },
    specOptional: true,
    status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  });
}

function structPatchSchema(name: string, types: TypeTable): JsonObject {
  const struct = types.struct(name);
  if (struct === undefined) throw new Error(`no such type: ${name}`);
  const properties: JsonObject = {
    $patch: { type: "string", enum: ["merge", "replace", "delete"] },
    $retainKeys: primitiveList,
  };
  for (const field of struct.jsonFields.values()) {
    // A template's objects never carry these, and their types are not those of a structural schema.
    if (field.name === "managedFields") continue;
    properties[field.name] = fieldPatchSchema(field, types);
    if (!field.patchStrategies.includes("merge") || field.type.type !== "list") continue;
    const ofStructs = field.type.element.type === "struct";
    properties[`$setElementOrder/${field.name}`] = ofStructs
      ? { type: "array", items: { type: "object", "x-kubernetes-preserve-unknown-fields": true } }
      : primitiveList;
    if (!ofStructs) properties[`$deleteFromPrimitiveList/${field.name}`] = primitiveList;
  }
  return { type: "object", properties };
}

const primitiveList: JsonObject = { type: "array", items: { type: "string" } };

function fieldPatchSchema(field: FieldFacts, types: TypeTable): JsonObject {
  return { ...typePatchSchema(field.type, types), nullable: true };
}

function typePatchSchema(type: TypeRef, types: TypeTable): JsonObject {
  switch (type.type) {
    case "struct":
      return structPatchSchema(type.name, types);
    case "list":
      return { type: "array", items: typePatchSchema(type.element, types) };
    case "map":
      return { type: "object", additionalProperties: { ...typePatchSchema(type.value, types), nullable: true } };
    case "scalar":
      return scalarSchemas[type.scalar];
    case "special":
      return specialSchemas[type.special];
  }
}

const scalarSchemas: Record<Extract<TypeRef, { type: "scalar" }>["scalar"], JsonObject> = {
  string: { type: "string" },
  bool: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  uint32: { type: "integer", format: "int64" },
  uint64: { type: "integer", format: "int64" },
  double: { type: "number" },
  float: { type: "number" },
  bytes: { type: "string", format: "byte" },
};

const anyJson: JsonObject = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

const specialSchemas: Record<Extract<TypeRef, { type: "special" }>["special"], JsonObject> = {
  quantity: { "x-kubernetes-int-or-string": true },
  intOrString: { "x-kubernetes-int-or-string": true },
  time: { type: "string", format: "date-time" },
  microTime: { type: "string", format: "date-time" },
  duration: { type: "string" },
  fieldsV1: anyJson,
  rawExtension: anyJson,
  json: { "x-kubernetes-preserve-unknown-fields": true },
  // Of CustomResourceDefinitions, which no template holds.
  schemaOrArray: anyJson,
  schemaOrBool: anyJson,
  schemaOrStrings: anyJson,
};
