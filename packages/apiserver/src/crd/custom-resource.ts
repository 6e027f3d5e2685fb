import { type ApplySchema, deducedApplySchema, type JsonObject, status, structuralApplySchema } from "@podwright/kube";
import { compareVersions } from "../discovery/groups.ts";
import type { Resource, Subresource } from "../resources/resource.ts";
import { customStrategy } from "./custom-strategy.ts";
import { type Definition, type DefinitionVersion, isConditionTrue } from "./definition.ts";
import { printerColumns } from "./printer-columns.ts";
import { publishedSchema } from "./published-schema.ts";
import { scaleMapping } from "./scale-mapping.ts";
import { conversionOf } from "./version-conversion.ts";
import { createVersionSchema } from "./version-schema.ts";
import type { ObjectConverter } from "./webhook-converter.ts";

const allVerbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/**
 * The resources that an established definition makes served: one for each served version.
 *
 * @param webhook what converts between its versions, with strategy Webhook
 */
export function customResources(definition: Definition, webhook: ObjectConverter | undefined): Resource[] {
  return definition.spec.versions
    .filter((version) => version.served)
    .map((version) => customResource(definition, version, webhook));
}

function customResource(
  definition: Definition,
  version: DefinitionVersion,
  webhook: ObjectConverter | undefined,
): Resource {
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
  const conversion = conversionOf(definition, version, schema, webhook);
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
