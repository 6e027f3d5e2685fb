import {
  compareQuantities,
  type FieldError,
  fieldError,
  isDns1123Label,
  isDns1123Subdomain,
  type JsonValue,
  type KubeObject,
  validateLabelSelector,
} from "@podwright/kube";
import { equalJson } from "../resources/equal.ts";
import { type Errors, invalid, isImmutable, isNotPositive, optionalOneOf, required } from "./field-checks.ts";
import type { Struct } from "./kind.ts";
import { annotationsAndLabels } from "./template-metadata.ts";
import { jsonDiff } from "./unified-diff.ts";

const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

export function persistentVolumeClaimSpec(errors: Errors, path: string, spec: Struct): void {
  const modes: string[] = spec["accessModes"] ?? [];
  if (modes.length === 0) errors.push(fieldError.required(`${path}.accessModes`, "at least 1 access mode is required"));
  if (spec["selector"] !== undefined) errors.push(...validateLabelSelector(spec["selector"], `${path}.selector`));
  for (const mode of modes) optionalOneOf(errors, `${path}.accessModes`, mode, accessModes);
  const others = modes.some((mode) => mode !== "ReadWriteOncePod" && accessModes.includes(mode));
  if (modes.includes("ReadWriteOncePod") && others) {
    const detail = "may not use ReadWriteOncePod with other access modes";
    errors.push(fieldError.forbidden(`${path}.accessModes`, detail));
  }
  const storage: string | undefined = spec["resources"]?.requests?.storage;
  const storagePath = `${path}.resources[storage]`;
  if (storage === undefined) errors.push(fieldError.required(storagePath));
  else if (compareQuantities(storage, "0") <= 0) errors.push(fieldError.invalid(storagePath, storage, isNotPositive));
  const storageClass = spec["storageClassName"];
  if (storageClass) invalid(errors, `${path}.storageClassName`, storageClass, isDns1123Subdomain(storageClass));
  optionalOneOf(errors, `${path}.volumeMode`, spec["volumeMode"], ["Block", "Filesystem"]);
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined) dataSourceReference(errors, `${path}.dataSource`, dataSource);
  if (dataSourceRef !== undefined) {
    dataSourceReference(errors, `${path}.dataSourceRef`, dataSourceRef);
    const namespace: string = dataSourceRef.namespace ?? "";
    if (namespace !== "") invalid(errors, `${path}.dataSourceRef.namespace`, namespace, isDns1123Label(namespace));
  }
  const attributesClass = spec["volumeAttributesClassName"];
  if (attributesClass) {
    invalid(errors, `${path}.volumeAttributesClassName`, attributesClass, isDns1123Subdomain(attributesClass));
  }
}

/** A claim is what was asked for: once bound it may only be made larger (upstream's ValidatePersistentVolumeClaimUpdate). */
export function validatePersistentVolumeClaimUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const errors: Errors = [];
  persistentVolumeClaimSpec(errors, "spec", object["spec"]);
  const spec: Struct = structuredClone(object["spec"]);
  const before: Struct = structuredClone(old["spec"]);
  if (!before["volumeName"]) setOrDelete(before, "volumeName", spec["volumeName"]);
  if (object["status"]?.phase === "Bound") {
    if (spec["resources"]?.requests !== undefined) {
      setOrDelete(spec["resources"].requests, "storage", before["resources"]?.requests?.storage);
    }
    setOrDelete(spec, "volumeAttributesClassName", before["volumeAttributesClassName"]);
  }
  if (!equalJson(spec, before)) {
    const except = "resources.requests and volumeAttributesClassName for bound claims";
    const detail = `spec is immutable after creation except ${except}\n${jsonDiff(before, spec)}`;
    errors.push(fieldError.forbidden("spec", detail));
  }
  const size = (claim: KubeObject): string => claim["spec"].resources?.requests?.storage ?? "0";
  if (compareQuantities(size(object), size(old)) < 0) {
    if (compareQuantities(size(object), old["status"]?.capacity?.storage ?? "0") <= 0) {
      const detail = "field can not be less than status.capacity";
      errors.push(fieldError.forbidden("spec.resources.requests.storage", detail));
    }
  }
  if (object["spec"].volumeMode !== old["spec"].volumeMode) {
    errors.push(fieldError.invalid("volumeMode", object["spec"].volumeMode ?? null, isImmutable));
  }
  return errors;
}

function setOrDelete(struct: Struct, field: string, value: JsonValue | undefined): void {
  if (value === undefined) delete struct[field];
  else struct[field] = value;
}

function dataSourceReference(errors: Errors, path: string, { name, kind = "", apiGroup: group }: Struct): void {
  const apiGroup: string = group ?? "";
  required(errors, `${path}.name`, name);
  required(errors, `${path}.kind`, kind);
  if (apiGroup === "" && kind !== "PersistentVolumeClaim") {
    const detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
    errors.push(fieldError.invalid(path, kind, detail));
  }
  if (apiGroup !== "") invalid(errors, `${path}.apiGroup`, apiGroup, isDns1123Subdomain(apiGroup));
}

/** Metadata of templates that labels and annotations are taken from: nothing else may be set. */
export function templateMetadata(errors: Errors, path: string, metadata: Struct | undefined): void {
  annotationsAndLabels(errors, path, metadata);
  for (const field of Object.keys(metadata ?? {})) {
    if (field !== "labels" && field !== "annotations") {
      errors.push(fieldError.forbidden(`${path}.${field}`, "cannot be set"));
    }
  }
}
