import {
  type ApplySchema,
  deducedApplySchema,
  type FieldSetFilter,
  formatApiVersion,
  type JsonObject,
  type KubeObject,
  nativeApplySchema,
  nativeTypes,
  parseApiVersion,
  validateApplied,
} from "@podwright/kube";
import type { ExpectedKind } from "../decoding/body.ts";
import type { Conversions } from "../resources/conversion.ts";
import type { Resource, ResourceRegistry } from "../resources/resource.ts";
import { zeroValue } from "../resources/zero-value.ts";
import { resetFields, resetParts } from "./reset-fields.ts";

/** What field management has to know of the kind of an object that is written. */
export interface ManagedKind {
  /** "apps/v1". */
  apiVersion: string;
  group: string;
  version: string;
  kind: string;
  /** "" for the main resource. */
  subresource: string;
  /** What an object nobody has set anything in looks like: what a creation is compared with. */
  empty: JsonObject;
  /** The object as it will be read again: what a conversion adds is the writer's too. */
  canonical(object: KubeObject): KubeObject;
  schemaOf(apiVersion: string): ApplySchema | undefined;
  convert(object: JsonObject, from: string, to: string, conversions: Conversions): JsonObject | undefined;
  ignore(apiVersion: string): FieldSetFilter | undefined;
  /** What is ignored in all versions, as whole fields of the object. */
  ignoredParts: readonly string[];
}

/** Of a resource, or of a subresource that is written as the resource's own kind. */
export function managedResource(registry: ResourceRegistry, resource: Resource, subresource: string): ManagedKind {
  const { group, version, kind } = resource;
  const apiVersion = formatApiVersion(group, version);
  const filter = resetFields(resource, subresource);
  const inVersion = (served: string): Resource | undefined => {
    if (served === apiVersion) return resource;
    const parsed = parseApiVersion(served);
    return registry.lookupKind(parsed.group, parsed.version, kind);
  };
  return {
    apiVersion,
    group,
    version,
    kind,
    subresource,
    empty: emptyObject(apiVersion, kind, resource.custom ? undefined : structOf(resource)),
    canonical(object) {
      const { conversion } = resource;
      if (conversion?.by !== "server" || resource.custom) return object;
      return conversion.fromStorage(conversion.toStorage(object));
    },
    schemaOf(served) {
      const found = inVersion(served);
      return found === undefined ? undefined : schemaOf(found);
    },
    convert(object, from, to, conversions) {
      const source = inVersion(from);
      const target = inVersion(to);
      if (source === undefined || target === undefined) return undefined;
      const given = { ...object, apiVersion: from, kind } as unknown as KubeObject;
      const converted = { ...conversions.convert(given, source, target), apiVersion: to } as unknown as JsonObject;
      // A webhook may give what its version does not know.
      const byWebhook = [source, target].some(({ conversion }) => conversion?.by === "webhook");
      if (byWebhook && from !== to) validateApplied(converted, schemaOf(target), { allowDuplicates: true });
      return converted;
    },
    // Of a custom resource's other versions upstream knows what /status resets only.
    ignore: (served) => (resource.custom && subresource === "" && served !== apiVersion ? undefined : filter),
    ignoredParts: resetParts(resource, subresource),
  };
}

const scaleStruct = "io.k8s.api.autoscaling.v1.Scale";

/** Of the scale subresource, whatever the resource. */
export function managedScale(): ManagedKind {
  const apiVersion = "autoscaling/v1";
  return {
    apiVersion,
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
    subresource: "scale",
    empty: emptyObject(apiVersion, "Scale", scaleStruct),
    canonical: (object) => object,
    schemaOf: (served) => (served === apiVersion ? nativeApplySchema(scaleStruct) : undefined),
    convert: () => undefined,
    ignore: () => undefined,
    ignoredParts: [],
  };
}

function emptyObject(apiVersion: string, kind: string, struct: string | undefined): JsonObject {
  const fields = struct === undefined ? {} : (zeroValue(nativeTypes(), struct) as JsonObject);
  return { metadata: {}, ...fields, apiVersion, kind };
}

function structOf({ group, version, kind }: ExpectedKind | Resource): string | undefined {
  return nativeTypes().kind(group, version, kind)?.type;
}

function schemaOf(resource: Resource): ApplySchema {
  if (resource.applySchema !== undefined) return resource.applySchema();
  const struct = structOf(resource);
  return struct === undefined ? deducedApplySchema() : nativeApplySchema(struct);
}
