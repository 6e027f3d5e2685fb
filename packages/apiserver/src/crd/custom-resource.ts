import { cloneJson, formatApiVersion, type JsonValue, type KubeObject, status } from "@podwright/kube";
import type { Resource, Subresource } from "../resources/resource.ts";
import { customStrategy } from "./custom-strategy.ts";
import { type Definition, type DefinitionVersion, isConditionTrue, storageVersion } from "./definition.ts";
import { publishedSchema } from "./published-schema.ts";
import { printerColumns } from "./printer-columns.ts";
import { scaleMapping } from "./scale-mapping.ts";
import { createVersionSchema, type VersionSchema } from "./version-schema.ts";

const allVerbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
/** While the definition is being deleted. */
const verbsWhenTerminating = ["delete", "deletecollection", "get", "list", "watch"];

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
  const checkCreate = () => {
    if (!terminating) return;
    const message = "create not allowed while custom resource definition is terminating";
    throw status.forbidden({ group, resource: names.plural }, "", message);
  };
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
    verbs: terminating ? verbsWhenTerminating : allVerbs,
    subresources: subresourcesOf(version, names.kind),
    storage: { group, plural: names.plural },
    custom: true,
    strategy: customStrategy(version, schema, checkCreate),
    table: printerColumns(version.additionalPrinterColumns),
    decode: (value) => ({ unknown: schema.coerce(value), object: value }),
    ...(conversion === undefined ? {} : { conversion }),
    ...(scale === undefined ? {} : { scale: scaleMapping(scale) }),
    ...(version.deprecated === true ? { deprecationWarning: deprecationOf(version, group, names.kind) } : {}),
    openApiSchema: () => publishedSchema(version, group, names.kind),
  };
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

function deprecationOf(version: DefinitionVersion, group: string, kind: string): string {
  return version.deprecationWarning ?? `${group}/${version.name} ${kind} is deprecated`;
}

/**
 * Between this version's form and the stored one. With strategy None only the apiVersion differs. What was stored
 * before the schema last changed is pruned and defaulted again when it is read, as upstream's decoder does.
 */
function conversionOf(
  definition: Definition,
  version: DefinitionVersion,
  schema: VersionSchema,
): Resource["conversion"] | undefined {
  const { spec, metadata } = definition;
  const stored = storageVersion(spec) ?? version.name;
  const schemaMayHaveChanged = (metadata.generation ?? 1) > 1;
  if (stored === version.name && !schemaMayHaveChanged) return undefined;
  const own = formatApiVersion(spec.group, version.name);
  const target = formatApiVersion(spec.group, stored);
  const rewrite = (object: KubeObject, apiVersion: string) => {
    if (object.apiVersion === apiVersion) return object;
    if (spec.conversion?.strategy === "Webhook") throw noConversion(object, apiVersion);
    return { ...object, apiVersion };
  };
  return {
    toStorage: (object) => rewrite(object, target),
    fromStorage(object) {
      const read = cloneJson(rewrite(object, own) as JsonValue) as KubeObject;
      schema.coerce(read);
      schema.setDefaults(read);
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

