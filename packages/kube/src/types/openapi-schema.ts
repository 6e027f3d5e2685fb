import { zeroOf as goZeroOf } from "../decode/go-zeros.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { formatApiVersion, parseApiVersion } from "../object.ts";
import { describeType } from "./descriptions.ts";
import type { FieldFacts, Scalar, Special, StructFacts, TypeRef, TypeTable } from "./facts.ts";
import { nativeTypes } from "./table.ts";

/**
 * The component schemas of an OpenAPI v3 document for the given structs and all they refer to, as kube-apiserver
 * publishes them, by component name (which is the struct's name). Descriptions come from {@link describeType}.
 *
 * @throws {Error} for names that the type table lacks.
 */
export function openApiSchemas(
  structNames: Iterable<string>,
  { descriptions = true }: { descriptions?: boolean } = {},
): Record<string, JsonObject> {
  const builder = new SchemaBuilder(nativeTypes(), descriptions);
  for (const name of structNames) builder.add(name);
  return builder.build();
}

/** The component that stands for each special type, and what it is. */
const specialComponents: Readonly<Record<Special, { name: string; schema: JsonObject }>> = {
  quantity: {
    name: "io.k8s.apimachinery.pkg.api.resource.Quantity",
    schema: { oneOf: [{ type: "string" }, { type: "number" }] },
  },
  time: { name: "io.k8s.apimachinery.pkg.apis.meta.v1.Time", schema: { type: "string", format: "date-time" } },
  microTime: {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime",
    schema: { type: "string", format: "date-time" },
  },
  duration: { name: "io.k8s.apimachinery.pkg.apis.meta.v1.Duration", schema: { type: "string" } },
  intOrString: {
    name: "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    schema: { oneOf: [{ type: "integer" }, { type: "string" }], format: "int-or-string" },
  },
  fieldsV1: { name: "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1", schema: { type: "object" } },
  rawExtension: { name: "io.k8s.apimachinery.pkg.runtime.RawExtension", schema: { type: "object" } },
  json: { name: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON", schema: {} },
  schemaOrArray: {
    name: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray",
    schema: {},
  },
  schemaOrBool: {
    name: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool",
    schema: {},
  },
  schemaOrStrings: {
    name: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray",
    schema: {},
  },
};

const scalarSchemas: Readonly<Record<Scalar, JsonObject>> = {
  string: { type: "string" },
  bool: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  uint32: { type: "integer", format: "int64" },
  uint64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  float: { type: "number", format: "float" },
  bytes: { type: "string", format: "byte" },
};

/** Kinds whose schema lists every group version that knows them. */
const kindsOfEveryGroup: ReadonlySet<string> = new Set(["DeleteOptions", "WatchEvent"]);

class SchemaBuilder {
  readonly #table: TypeTable;
  readonly #descriptions: boolean;
  readonly #schemas: Record<string, JsonObject> = {};
  readonly #pending: string[] = [];
  #kindsOfStructs: ReadonlyMap<string, JsonObject[]> | undefined;

  constructor(table: TypeTable, descriptions: boolean) {
    this.#table = table;
    this.#descriptions = descriptions;
  }

  add(structName: string): void {
    if (!Object.hasOwn(this.#schemas, structName)) this.#pending.push(structName);
  }

  build(): Record<string, JsonObject> {
    for (let name = this.#pending.pop(); name !== undefined; name = this.#pending.pop()) {
      if (Object.hasOwn(this.#schemas, name)) continue;
      const struct = this.#table.struct(name);
      if (struct === undefined) throw new Error(`the type table has no struct ${name}`);
      this.#schemas[name] = this.#struct(struct);
    }
    return this.#schemas;
  }

  #struct(struct: StructFacts): JsonObject {
    const documentation = this.#descriptions ? describeType(struct.name) : { description: "", fields: {} };
    const properties: JsonObject = {};
    const required: string[] = [];
    for (const field of struct.jsonFields.values()) {
      properties[field.name] = this.#property(field, documentation.fields[field.name] ?? "");
      if (field.required) required.push(field.name);
    }
    const kinds = this.#kindsOf(struct);
    return {
      ...(documentation.description !== "" && { description: documentation.description }),
      type: "object",
      ...(struct.jsonFields.size > 0 && { properties }),
      ...(required.length > 0 && { required }),
      ...(kinds !== undefined && { "x-kubernetes-group-version-kind": kinds }),
      ...(struct.mapType !== undefined && { "x-kubernetes-map-type": struct.mapType }),
      ...(struct.unions !== undefined && { "x-kubernetes-unions": struct.unions as unknown as JsonValue }),
    };
  }

  #property(field: FieldFacts, description: string): JsonObject {
    const defaultValue = field.default ?? (field.zeroDefault ? zeroOf(field.type) : undefined);
    const beside: JsonObject = {
      ...(description !== "" && { description }),
      ...(defaultValue !== undefined && { default: defaultValue }),
    };
    const type = this.#type(field.type, field.enum);
    const isComposite = field.type.type === "list" || field.type.type === "map";
    return {
      ...referTo(type, beside),
      ...(field.enum !== undefined && !isComposite && { enum: field.enum }),
      ...(field.listMapKeys !== undefined && { "x-kubernetes-list-map-keys": field.listMapKeys }),
      ...(field.listType !== undefined && { "x-kubernetes-list-type": field.listType }),
      ...(this.#hasOwnMapType(field) && { "x-kubernetes-map-type": field.mapType }),
      ...(field.patchMergeKey !== undefined && { "x-kubernetes-patch-merge-key": field.patchMergeKey }),
      ...(field.patchStrategies.length > 0 && { "x-kubernetes-patch-strategy": field.patchStrategies.join(",") }),
    };
  }

  /** A field has its struct's map type without saying so. */
  #hasOwnMapType(field: FieldFacts): boolean {
    if (field.mapType === undefined || field.type.type !== "struct") return field.mapType !== undefined;
    return this.#table.struct(field.type.name)?.mapType !== field.mapType;
  }

  #type(type: TypeRef, elementEnum?: string[]): JsonObject {
    switch (type.type) {
      case "struct":
        this.add(type.name);
        return reference(type.name);
      case "list":
        return { type: "array", items: this.#element(type.element, elementEnum) };
      case "map":
        return { type: "object", additionalProperties: this.#element(type.value, elementEnum) };
      case "scalar":
        return { ...scalarSchemas[type.scalar] };
      case "special": {
        const { name, schema } = specialComponents[type.special];
        if (!Object.hasOwn(this.#schemas, name)) {
          const description = this.#descriptions ? describeType(name).description : "";
          this.#schemas[name] = { ...(description !== "" && { description }), ...schema };
        }
        return reference(name);
      }
    }
  }

  #element(type: TypeRef, elementEnum: string[] | undefined): JsonObject {
    const zero = zeroOf(type);
    const schema = referTo(this.#type(type), zero === undefined ? {} : { default: zero });
    return elementEnum === undefined ? schema : { ...schema, enum: elementEnum };
  }

  #kindsOf(struct: StructFacts): JsonValue[] | undefined {
    this.#kindsOfStructs ??= kindsByStruct(this.#table);
    return this.#kindsOfStructs.get(struct.name);
  }
}

/** Which kinds each struct is the schema of. */
function kindsByStruct(table: TypeTable): Map<string, JsonObject[]> {
  const kinds = new Map<string, JsonObject[]>();
  const add = (apiVersion: string, kind: string): void => {
    const { group, version } = parseApiVersion(apiVersion);
    const name = table.structOfKind(group, version, kind)?.name;
    if (name === undefined) return;
    const list = kinds.get(name) ?? [];
    if (!list.some((known) => known["group"] === group && known["version"] === version)) {
      list.push({ group, kind, version });
    }
    kinds.set(name, list);
  };
  for (const facts of table.kinds) {
    add(formatApiVersion(facts.group, facts.version), facts.kind);
    add(formatApiVersion(facts.group, facts.version), facts.listKind);
    for (const { group = facts.group, version = facts.version, kind } of facts.subresources) {
      add(formatApiVersion(group, version), kind);
    }
  }
  for (const kind of ["Status", "APIVersions", "APIGroup", "APIGroupList", "APIResourceList"]) add("v1", kind);
  for (const kind of kindsOfEveryGroup) for (const apiVersion of table.optionVersions) add(apiVersion, kind);
  return kinds;
}

/** A reference can have nothing beside it in OpenAPI 3.0: what there is goes around it. */
function referTo(schema: JsonObject, beside: JsonObject): JsonObject {
  if (schema["$ref"] === undefined) return { ...beside, ...schema };
  return Object.keys(beside).length === 0 ? schema : { ...beside, allOf: [schema] };
}

function reference(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

/** The default that upstream publishes for a value of the type that is always there. */
function zeroOf(type: TypeRef): JsonValue | undefined {
  if (type.type === "struct") return {};
  return type.type === "scalar" && type.scalar !== "bytes" ? goZeroOf(type)() : undefined;
}
