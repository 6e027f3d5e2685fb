import { type FieldError, fieldError, type JsonObject, status } from "@podwright/kube";
import { parseBoolean } from "./list-options.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";

/** The query of create, update and patch (k8s.io/apimachinery/pkg/apis/meta/v1, CreateOptions, UpdateOptions, PatchOptions). */
export interface WriteOptions {
  dryRun: boolean;
  fieldManager: string;
  fieldValidation: FieldValidation;
  /** As the object that admission sees. */
  object: JsonObject;
}

type OptionsKind = "CreateOptions" | "UpdateOptions" | "PatchOptions";

/** Throws a 422 Status naming the options' kind. */
export function parseWriteOptions(query: URLSearchParams, kind: OptionsKind, apply = false): WriteOptions {
  if (query.size === 0 && !apply) return defaultOptions[kind];
  const dryRun = query.getAll("dryRun");
  const fieldManager = query.get("fieldManager") ?? "";
  const fieldValidation = query.get("fieldValidation") ?? "";
  const errors: FieldError[] = [];
  if (kind === "PatchOptions") {
    if (apply && fieldManager === "") errors.push(fieldError.required("fieldManager", "is required for apply patch"));
    if (!apply && parseBoolean(query.get("force")) !== undefined) {
      errors.push(fieldError.forbidden("force", "may not be specified for non-apply patch"));
    }
  }
  errors.push(...validateFieldManager(fieldManager), ...validateDryRun(dryRun));
  if (!["", "Ignore", "Strict", "Warn"].includes(fieldValidation)) {
    errors.push(fieldError.notSupported("fieldValidation", fieldValidation, ["", "Ignore", "Strict", "Warn"]));
  }
  if (errors.length > 0) throw status.invalid({ group: "meta.k8s.io", kind }, "", errors);
  return {
    dryRun: dryRun.length > 0,
    fieldManager,
    fieldValidation: fieldValidation === "" ? "Warn" : (fieldValidation as FieldValidation),
    object: {
      kind: kind === "PatchOptions" ? "UpdateOptions" : kind,
      apiVersion: "meta.k8s.io/v1",
      ...(dryRun.length > 0 && { dryRun }),
      ...(fieldManager !== "" && { fieldManager }),
      ...(fieldValidation !== "" && { fieldValidation }),
    },
  };
}

const defaultOptions: Record<OptionsKind, WriteOptions> = {
  CreateOptions: defaults("CreateOptions"),
  UpdateOptions: defaults("UpdateOptions"),
  PatchOptions: defaults("UpdateOptions"),
};

function defaults(kind: string): WriteOptions {
  return { dryRun: false, fieldManager: "", fieldValidation: "Warn", object: { kind, apiVersion: "meta.k8s.io/v1" } };
}

export function validateDryRun(dryRun: string[]): FieldError[] {
  return dryRun.every((value) => value === "All") ? [] : [fieldError.notSupported("dryRun", dryRun, ["All"])];
}

const maxFieldManagerBytes = 128;

function validateFieldManager(fieldManager: string): FieldError[] {
  const errors: FieldError[] = [];
  if (Buffer.byteLength(fieldManager) > maxFieldManagerBytes) {
    errors.push(fieldError.tooLong("fieldManager", maxFieldManagerBytes));
  }
  let position = 0;
  for (const character of fieldManager) {
    if (!/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      errors.push(
        fieldError.invalid("fieldManager", fieldManager, `invalid character U+${code} (at position ${position})`),
      );
    }
    position += Buffer.byteLength(character);
  }
  return errors;
}
