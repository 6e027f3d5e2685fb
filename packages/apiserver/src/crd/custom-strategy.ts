import { type FieldError, isQualifiedName, type JsonValue, type KubeObject } from "@podwright/kube";
import { equalJson } from "../resources/equal.ts";
import type { Strategy } from "../resources/resource.ts";
import type { DefinitionVersion } from "./definition.ts";
import { compileJsonPath, type JsonPath } from "./json-path.ts";
import { validateScale } from "./scale-mapping.ts";
import type { VersionSchema } from "./version-schema.ts";

/**
 * What custom resources do (k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go and
 * status_strategy.go).
 *
 * @param stored fields of all versions that are selectable: an object is stored with the values of all of them
 * @param checkCreate throws when there may be no new objects
 */
export function customStrategy(
  version: DefinitionVersion,
  schema: VersionSchema,
  stored: readonly string[],
  checkCreate: (name: string) => void,
): Strategy {
  const hasStatus = version.subresources?.status !== undefined;
  const scale = version.subresources?.scale;
  const fields = compileFields(stored);

  return {
    hasGeneration: true,
    setDefaults: schema.setDefaults,
    checkCreate,
    prepareForCreate(object) {
      if (hasStatus) delete object["status"];
    },
    prepareForUpdate(object, old) {
      if (!hasStatus) return;
      if (old["status"] === undefined) delete object["status"];
      else object["status"] = old["status"];
    },
    prepareForStatusUpdate(object, old) {
      // All but the status stays as it was, metadata too.
      const { status, metadata } = object;
      for (const field of Object.keys(object)) delete object[field];
      Object.assign(object, old, { metadata: { ...old.metadata } });
      if (metadata.managedFields !== undefined) object.metadata.managedFields = metadata.managedFields;
      if (metadata.resourceVersion !== undefined) object.metadata.resourceVersion = metadata.resourceVersion;
      if (status === undefined) delete object["status"];
      else object["status"] = status;
    },
    validate(object) {
      const errors = schema.validate(object, undefined);
      if (scale !== undefined) errors.push(...validateScale(object, scale, ["spec", "status"]));
      return [...errors, ...schema.validateRules(object, undefined, errors)];
    },
    validateUpdate(object, old, warn) {
      const errors = schema.validate(object, old);
      if (scale !== undefined) errors.push(...validateScale(object, scale, ["spec", "status"]));
      return [...errors, ...schema.validateRules(object, old, errors, warn)];
    },
    validateStatusUpdate(object, old, warn): FieldError[] {
      const errors = schema.validateStatus(object, old);
      if (scale !== undefined) errors.push(...validateScale(object, scale, ["status"]));
      return [...errors, ...schema.validateRules(object, old, errors, warn)];
    },
    warnings: finalizerWarnings,
    generationChanges(object, old) {
      for (const field of new Set([...Object.keys(object), ...Object.keys(old)])) {
        if (field !== "metadata" && !equalJson(object[field], old[field])) return true;
      }
      return false;
    },
    selectableFields(object) {
      const values: Record<string, string> = {};
      for (const { name, path } of fields()) {
        const [value] = path(object as JsonValue);
        values[name] = value === undefined || value === null ? "" : String(value);
      }
      return values;
    },
    selectableFieldNames: (version.selectableFields ?? []).map((field) => nameOf(field.jsonPath)),
    allowCreateOnUpdate: false,
    allowUnconditionalUpdate: false,
    gracePeriodSeconds: () => undefined,
    returnsDeletedObject: false,
  };
}

/** The fields' paths, compiled when the first object comes. */
function compileFields(paths: readonly string[]): () => readonly { name: string; path: JsonPath }[] {
  let compiled: { name: string; path: JsonPath }[] | undefined;
  return () => {
    compiled ??= paths.map((path) => ({ name: nameOf(path), path: compileJsonPath(path) }));
    return compiled;
  };
}

function nameOf(path: string): string {
  return path.replace(/^\./, "");
}

const standardFinalizers: ReadonlySet<string> = new Set(["orphan", "foregroundDeletion", "kubernetes"]);

function finalizerWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const before = old?.metadata.finalizers ?? [];
  const added = [...new Set(object.metadata.finalizers ?? [])].filter((name) => !before.includes(name)).sort();
  return added.flatMap((name) => {
    const at = `metadata.finalizers: ${JSON.stringify(name)}`;
    const warnings = isQualifiedName(name).map((problem) => `${at}: ${problem}`);
    if (name.includes("/") || standardFinalizers.has(name)) return warnings;
    const which = name.includes(".") ? "name including a path (/)" : "name";
    const advice = `prefer a domain-qualified finalizer ${which} to avoid accidental conflicts with other finalizer writers`;
    return [...warnings, `${at}: ${advice}`];
  });
}
