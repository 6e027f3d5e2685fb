import {
  type ApplySchema,
  cloneJson,
  deducedApplySchema,
  formatApiVersion,
  type JsonObject,
  type JsonValue,
  type KubeObject,
  status,
  structuralApplySchema,
} from "@podwright/kube";
import { compareVersions } from "../discovery/groups.ts";
import type { Resource, Subresource } from "../resources/resource.ts";
import { customStrategy } from "./custom-strategy.ts";
import { type Definition, type DefinitionVersion, isConditionTrue } from "./definition.ts";
import { printerColumns } from "./printer-columns.ts";
import { publishedSchema } from "./published-schema.ts";
import { scaleMapping } from "./scale-mapping.ts";
import { createVersionSchema, type VersionSchema } from "./version-schema.ts";

const allVerbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/** The resources that an established definition makes served: one for each served version. */
export function customResources(definition: Definition): Resource[] {
  return definition.spec.versions
    .filter((version) => version.served)
    .map((version) => customResource(definition, version));
}

function customResource(definition: Definition, version: DefinitionVersion): Resource {
  const { group, scope } = definition.spec;
  const names = definition.status?.acceptedNames ?? definition.spec.names;
  const schema = createVersionSchema(version.schema?.openAPIV3Schema);
  const terminating = isConditionTrue(definition, "Terminating");
  const checkCreate = (name: string) => {
    if (!terminating) return;
    const message = "create not allowed while custom resource definition is terminating";
    throw status.forbidden({ group, resource: names.plural }, name, message);
  };
  let applySchema: ApplySchema | undefined;
  const scale = version.subresources?.scale;
  const conversion = conversionOf(definition, version, schema);
  return {
    group,
    version: version.name,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === "Namespaced",
    verbs: allVerbs,
    subresources: subresourcesOf(version, names.kind),
    storage: { group, plural: names.plural },
    custom: true,
    strategy: customStrategy(version, schema, selectablePaths(definition), checkCreate),
    table: printerColumns(version.additionalPrinterColumns),
    decode: (value) => ({ unknown: schema.coerce(value), object: value }),
    ...(conversion === undefined ? {} : { conversion }),
    ...(scale === undefined ? {} : { scale: scaleMapping(scale) }),
    ...(version.deprecated === true ? { deprecationWarning: deprecationOf(version, definition) } : {}),
    openApiSchema: () => publishedSchema(version, group, names.kind),
    applySchema: () => {
      applySchema ??= applySchemaOf(definition, version);
      return applySchema;
    },
  };
}

function applySchemaOf({ spec }: Definition, version: DefinitionVersion): ApplySchema {
  const schema = version.schema?.openAPIV3Schema;
  if (schema === undefined) return deducedApplySchema();
  const preserveUnknownFields = (spec as { preserveUnknownFields?: boolean }).preserveUnknownFields === true;
  return structuralApplySchema(schema as JsonObject, { preserveUnknownFields });
}

function selectablePaths({ spec }: Definition): string[] {
  const paths = spec.versions.flatMap((version) => (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath));
  return [...new Set(paths)];
}

function subresourcesOf(version: DefinitionVersion, kind: string): Subresource[] {
  const verbs = ["get", "patch", "update"];
  const subresources: Subresource[] = [];
  if (version.subresources?.status !== undefined) subresources.push({ name: "status", kind, verbs });
  if (version.subresources?.scale !== undefined) {
    subresources.push({ name: "scale", group: "autoscaling", version: "v1", kind: "Scale", verbs });
  }
  return subresources;
}

/** What the definition says, or which newer version to use. */
function deprecationOf({ name, deprecationWarning }: DefinitionVersion, { spec }: Definition): string {
  const text = `${spec.group}/${name} ${spec.names.kind} is deprecated`;
  const [newest] = spec.versions
    .filter((other) => other.served && other.deprecated !== true && compareVersions(other.name, name) < 0)
    .sort((a, b) => compareVersions(a.name, b.name));
  return deprecationWarning ?? (newest ? `${text}; use ${spec.group}/${newest.name} ${spec.names.kind}` : text);
}

/**
 * Between this version's form and the stored one. With strategy None only the apiVersion differs, and what either
 * version's schema does not know is lost. What was stored before the schema last changed is pruned and defaulted again
 * when it is read, as upstream's decoder does.
 */
function conversionOf(
  definition: Definition,
  version: DefinitionVersion,
  schema: VersionSchema,
): Resource["conversion"] | undefined {
  const { spec, metadata } = definition;
  const stored = spec.versions.find((each) => each.storage) ?? version;
  const schemaMayHaveChanged = (metadata.generation ?? 1) > 1;
  const same = stored.name === version.name;
  if (same && !schemaMayHaveChanged) return undefined;
  const storedSchema = same ? schema : createVersionSchema(stored.schema?.openAPIV3Schema);
  const own = formatApiVersion(spec.group, version.name);
  const target = formatApiVersion(spec.group, stored.name);
  /** A copy in the other version; conversion goes through a webhook, or needs nothing but the name. */
  const rewrite = (object: KubeObject, apiVersion: string): KubeObject => {
    if (object.apiVersion !== apiVersion && spec.conversion?.strategy === "Webhook") {
      throw noConversion(object, apiVersion);
    }
    return { ...(cloneJson(object as JsonValue) as KubeObject), apiVersion };
  };
  return {
    toStorage(object) {
      if (same) return object;
      const written = rewrite(object, target);
      storedSchema.coerce(written);
      return written;
    },
    fromStorage(object) {
      // What has another version yet was stored when that one was the storage version.
      const read = rewrite(object, own);
      storedSchema.coerce(read);
      storedSchema.setDefaults(read);
      if (!same) schema.coerce(read);
      return read;
    },
  };
}

function noConversion(object: KubeObject, apiVersion: string): Error {
  const from = `${object.apiVersion}, Kind=${object.kind}`;
  return status.internalError(
    `conversion webhook for ${from} is not called: this server does not support webhook conversion to ${apiVersion} yet; use the version that is stored`,
  );
}
