import {
  type FieldError,
  fieldError,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isQualifiedName,
  type JsonValue,
  type ObjectMeta,
  type OwnerReference,
  parseApiVersion,
} from "@podwright/kube";

const maxAnnotationBytes = 256 * 1024;

/** Keeps an object until its dependents were orphaned, or deleted: the garbage collector takes them off. */
export const orphanFinalizer = "orphan";
export const foregroundFinalizer = "foregroundDeletion";

const standardFinalizers: readonly string[] = ["kubernetes", orphanFinalizer, foregroundFinalizer];

export type ValidateName = (name: string, prefix: boolean) => string[];

/** Most kinds' names (k8s.io/apimachinery/pkg/api/validation/generic.go, NameIsDNSSubdomain). */
const subdomainName: ValidateName = (name, prefix) => isDns1123Subdomain(prefix ? maskTrailingDash(name) : name);

/** A generateName may end in a dash: something follows it. */
export function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith("-") ? `${name.slice(0, -2)}a` : name;
}

/** What is wrong with a new object's metadata (k8s.io/apimachinery/pkg/api/validation/objectmeta.go). */
export function validateObjectMeta(
  metadata: ObjectMeta,
  { namespaced, custom }: { namespaced: boolean; custom: boolean },
  validateName: ValidateName = subdomainName,
): FieldError[] {
  const errors: FieldError[] = [];
  if (metadata.generateName) {
    for (const text of validateName(metadata.generateName, true)) {
      errors.push(fieldError.invalid("metadata.generateName", metadata.generateName, text));
    }
  }
  if (!metadata.name) {
    errors.push(fieldError.required("metadata.name", "name or generateName is required"));
  } else {
    for (const text of validateName(metadata.name, false)) {
      errors.push(fieldError.invalid("metadata.name", metadata.name, text));
    }
  }
  if (namespaced) {
    if (!metadata.namespace) {
      errors.push(fieldError.required("metadata.namespace"));
    } else {
      for (const text of isDns1123Label(metadata.namespace)) {
        errors.push(fieldError.invalid("metadata.namespace", metadata.namespace, text));
      }
    }
  } else if (metadata.namespace) {
    errors.push(fieldError.forbidden("metadata.namespace", "not allowed on this type"));
  }
  if ((metadata.generation ?? 0) < 0) {
    errors.push(fieldError.invalid("metadata.generation", metadata.generation, "must be greater than or equal to 0"));
  }
  errors.push(...validateLabelsAndOwners(metadata));
  errors.push(...validateFinalizers(metadata.finalizers ?? []));
  if (!custom) errors.push(...validateNativeFinalizers(metadata.finalizers ?? []));
  return errors;
}

/** k8s.io/kubernetes/pkg/apis/core/validation/validation.go, validateKubeFinalizerName. */
function validateNativeFinalizers(finalizers: readonly string[]): FieldError[] {
  return finalizers.flatMap((finalizer, index) =>
    finalizer.includes("/") || standardFinalizers.includes(finalizer)
      ? []
      : [
          fieldError.invalid(
            `metadata.finalizers[${index}]`,
            finalizer,
            "name is neither a standard finalizer name nor is it fully qualified",
          ),
        ],
  );
}

/** What an update may not do to metadata (the same file, ValidateObjectMetaAccessorUpdate). */
export function validateObjectMetaUpdate(metadata: ObjectMeta, old: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    const added = (metadata.finalizers ?? []).filter((finalizer) => !old.finalizers?.includes(finalizer));
    if (added.length > 0) {
      const list = [...new Set(added)].sort().map((finalizer) => JSON.stringify(finalizer));
      errors.push(
        fieldError.forbidden(
          "metadata.finalizers",
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list.join(", ")}}`,
        ),
      );
    }
  }
  if (!metadata.resourceVersion) {
    errors.push(fieldError.invalid("metadata.resourceVersion", "", "must be specified for an update"));
  }
  if ((metadata.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(fieldError.invalid("metadata.generation", metadata.generation ?? 0, "must not be decremented"));
  }
  for (const field of immutableFields) {
    const value = metadata[field] ?? undefined;
    if (value !== (old[field] ?? undefined)) {
      errors.push(fieldError.invalid(`metadata.${field}`, value ?? zeroOf(field), "field is immutable"));
    }
  }
  return errors;
}

const immutableFields = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

function zeroOf(field: (typeof immutableFields)[number]): JsonValue {
  return field === "name" || field === "namespace" || field === "uid" ? "" : null;
}

function validateLabelsAndOwners(metadata: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    for (const text of isQualifiedName(key)) errors.push(fieldError.invalid("metadata.labels", key, text));
    for (const text of isLabelValue(value)) errors.push(fieldError.invalid("metadata.labels", value, text));
  }
  let annotationBytes = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    for (const text of isQualifiedName(key.toLowerCase())) {
      errors.push(fieldError.invalid("metadata.annotations", key, text));
    }
    annotationBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (annotationBytes > maxAnnotationBytes) errors.push(fieldError.tooLong("metadata.annotations", maxAnnotationBytes));
  errors.push(...validateOwners(metadata.ownerReferences ?? []));
  return errors;
}

function validateOwners(references: readonly OwnerReference[]): FieldError[] {
  const errors: FieldError[] = [];
  const path = "metadata.ownerReferences";
  let controller = "";
  for (const reference of references) {
    const { version } = parseApiVersion(reference.apiVersion ?? "");
    if (version === "") {
      errors.push(fieldError.invalid(`${path}.apiVersion`, reference.apiVersion, "version must not be empty"));
    }
    if (!reference.kind) errors.push(fieldError.invalid(`${path}.kind`, reference.kind ?? "", "must not be empty"));
    if (!reference.name) errors.push(fieldError.invalid(`${path}.name`, reference.name ?? "", "must not be empty"));
    if (!reference.uid) errors.push(fieldError.invalid(`${path}.uid`, reference.uid ?? "", "must not be empty"));
    if (reference.apiVersion === "v1" && reference.kind === "Event") {
      errors.push(fieldError.invalid(path, asJson(reference), "/v1, Kind=Event is disallowed from being an owner"));
    }
    if (reference.controller) {
      const name = `${reference.kind}/${reference.name}`;
      if (controller === "") {
        controller = name;
      } else {
        errors.push(
          fieldError.invalid(
            path,
            asJson(references),
            `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`,
          ),
        );
      }
    }
  }
  return errors;
}

function validateFinalizers(finalizers: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const path = "metadata.finalizers";
  for (const finalizer of finalizers) {
    for (const text of isQualifiedName(finalizer)) errors.push(fieldError.invalid(path, finalizer, text));
  }
  if (finalizers.includes(orphanFinalizer) && finalizers.includes(foregroundFinalizer)) {
    errors.push(
      fieldError.invalid(
        path,
        [...finalizers],
        `finalizer ${orphanFinalizer} and ${foregroundFinalizer} cannot be both set`,
      ),
    );
  }
  return errors;
}

function asJson(value: unknown): JsonValue {
  return value as JsonValue;
}
