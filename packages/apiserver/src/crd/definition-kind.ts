import { formatTime, type KubeObject } from "@podwright/kube";
import type { NativeKind } from "../kinds/kind.ts";
import { cleanupFinalizer, type Definition, type DefinitionSpec, storageVersion, withCondition } from "./definition.ts";
import { validateDefinition, validateDefinitionStatus, validateDefinitionUpdate } from "./definition-validation.ts";
import { unrecognizedFormats } from "./schema-formats.ts";

const types = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";

/**
 * CustomResourceDefinition (k8s.io/apiextensions-apiserver/pkg/registry/customresourcedefinition/strategy.go and
 * pkg/apis/apiextensions/v1/defaults.go). What makes its instances served is in controller.ts.
 */
export const customResourceDefinition: NativeKind = {
  defaults: {
    [`${types}.CustomResourceDefinitionSpec`]: (spec) => {
      spec["names"] ??= {};
      const { names } = spec as DefinitionSpec;
      if (!names.singular && names.kind) names.singular = names.kind.toLowerCase();
      if (!names.listKind && names.kind) names.listKind = `${names.kind}List`;
      spec["conversion"] ??= { strategy: "None" };
    },
    [`${types}.ServiceReference`]: (service) => {
      service["port"] ??= 443;
    },
    [`${types}.CustomResourceDefinition`]: (definition) => {
      const { status } = definition as Definition;
      const version = storageVersion((definition as Definition).spec);
      if (status !== undefined && (status.storedVersions ?? []).length === 0 && version !== undefined) {
        status.storedVersions = [version];
      }
    },
  },
  hasGeneration: true,
  prepareForCreate: rememberStorageVersion,
  prepareForUpdate: rememberStorageVersion,
  validate: (object) => validateDefinition(object as Definition),
  validateUpdate: (object, old) => validateDefinitionUpdate(object as Definition, old as Definition),
  validateStatusUpdate: (object) => validateDefinitionStatus(object as Definition),
  warnings(object, old) {
    const before = new Set(old === undefined ? [] : unrecognizedFormats(old as Definition));
    const added = unrecognizedFormats(object as Definition).filter((format) => !before.has(format));
    return added.map((format) => `unrecognized format ${JSON.stringify(format)}`);
  },
  allowUnconditionalUpdate: false,
  // The first DELETE always marks: instances go first.
  hasOtherFinalizers: ({ metadata }) => metadata.deletionTimestamp === undefined,
  prepareForDelete(object) {
    const definition = object as Definition;
    const finalizers = definition.metadata.finalizers ?? [];
    if (!finalizers.includes(cleanupFinalizer)) definition.metadata.finalizers = [...finalizers, cleanupFinalizer];
    const pending = {
      type: "Terminating",
      status: "True",
      reason: "InstanceDeletionPending",
      message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    } as const;
    const conditions = withCondition(definition.status?.conditions ?? [], pending, formatTime(Date.now()));
    definition.status = { ...definition.status, conditions };
  },
};

/** A version that ever was the storage version stays in status.storedVersions until somebody takes it out. */
function rememberStorageVersion(object: KubeObject): void {
  const { spec, status } = object as Definition;
  const version = storageVersion(spec);
  const stored = status?.storedVersions ?? [];
  if (version === undefined || stored.includes(version)) return;
  object["status"] = { ...status, storedVersions: [...stored, version] };
}
