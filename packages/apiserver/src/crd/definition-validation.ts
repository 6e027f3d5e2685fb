import {
  type FieldError,
  fieldError,
  isDns1035Label,
  isDns1123Subdomain,
  type JsonValue,
  jsonEqual,
} from "@podwright/kube";
import { hasBadAuthority, validateConversion } from "./conversion-validation.ts";
import {
  type Definition,
  type DefinitionNames,
  type DefinitionSpec,
  type DefinitionVersion,
  isConditionTrue,
} from "./definition.ts";
import {
  validateColumns,
  validateSchema,
  validateSelectableFields,
  validateSubresources,
} from "./version-validation.ts";

/**
 * What is wrong with a new CustomResourceDefinition
 * (k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go).
 *
 * Upstream checks its internal version, in which schemas, subresources, columns and selectable fields that are the
 * same for all versions (so always when there is only one) stand in the spec: the errors' paths say so.
 */
export function validateDefinition(definition: Definition): FieldError[] {
  const { spec } = definition;
  const errors: FieldError[] = [];
  const required = `${spec.names?.plural ?? ""}.${spec.group ?? ""}`;
  const { name = "" } = definition.metadata;
  if (name !== required) {
    errors.push(fieldError.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'));
  }
  return [...errors, ...validateSpec(spec, true), ...validateRest(definition, undefined)];
}

export function validateDefinitionUpdate(definition: Definition, old: Definition): FieldError[] {
  const anyAuthority = !isConditionTrue(old, "Established") || hasBadAuthority(old);
  const errors = validateSpec(definition.spec, anyAuthority, old.spec);
  const { spec } = definition;
  const immutable = (field: string, value: string, before: string) => {
    if (value !== before) errors.push(fieldError.invalid(field, value, "field is immutable"));
  };
  if (isConditionTrue(old, "Established")) {
    immutable("spec.scope", spec.scope, old.spec.scope);
    immutable("spec.names.kind", spec.names.kind, old.spec.names.kind);
  }
  immutable("spec.group", spec.group, old.spec.group);
  immutable("spec.names.plural", spec.names.plural, old.spec.names.plural);
  return [...errors, ...validateRest(definition, old)];
}

export function validateDefinitionStatus(definition: Definition): FieldError[] {
  const names = definition.status?.acceptedNames;
  return names === undefined ? [] : validateNames(names, "status.acceptedNames");
}

function validateRest(definition: Definition, old: Definition | undefined): FieldError[] {
  const errors = [
    ...validateDefinitionStatus(definition),
    ...validateStoredVersions(definition),
    ...validateApproval(definition, old),
  ];
  if (definition.spec.preserveUnknownFields === true && old?.spec.preserveUnknownFields !== true) {
    errors.push(
      fieldError.invalid(
        "spec.preserveUnknownFields",
        true,
        "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
      ),
    );
  }
  return errors;
}

function validateSpec(spec: DefinitionSpec, anyAuthority: boolean, old?: DefinitionSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec.group) errors.push(fieldError.required("spec.group"));
  else {
    const problems = isDns1123Subdomain(spec.group);
    if (problems.length > 0) errors.push(fieldError.invalid("spec.group", spec.group, problems.join(",")));
    else if (!spec.group.includes(".")) {
      errors.push(fieldError.invalid("spec.group", spec.group, "should be a domain with at least one dot"));
    }
  }
  if (!spec.scope) errors.push(fieldError.required("spec.scope"));
  else if (spec.scope !== "Cluster" && spec.scope !== "Namespaced") {
    errors.push(fieldError.notSupported("spec.scope", spec.scope, ["Cluster", "Namespaced"]));
  }
  errors.push(...validateVersions(spec, old), ...validateNamesOfSpec(spec), ...validateHoisted(spec, old));
  errors.push(...validateConversion(spec.conversion, "spec.conversion", anyAuthority));
  return errors;
}

/** Which of the versions' parts are the same in all of them. */
function hoisted(spec: DefinitionSpec) {
  const [first, ...others] = spec.versions ?? [];
  const same = (part: "schema" | "subresources" | "additionalPrinterColumns" | "selectableFields") =>
    others.every((version) => jsonEqual(version[part] as never, first?.[part] as never));
  return {
    schema: same("schema"),
    subresources: same("subresources"),
    columns: same("additionalPrinterColumns"),
    selectableFields: same("selectableFields"),
  };
}

function validateVersions(spec: DefinitionSpec, old: DefinitionSpec | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const versions = spec.versions ?? [];
  const common = hoisted(spec);
  if (!(common.schema && versions[0]?.schema?.openAPIV3Schema !== undefined)) {
    for (const [index, version] of versions.entries()) {
      if (version.schema?.openAPIV3Schema === undefined) {
        errors.push(fieldError.required(`spec.versions[${index}].schema.openAPIV3Schema`));
      }
    }
  }
  for (const [index, version] of versions.entries()) {
    const path = `spec.versions[${index}]`;
    const problems = isDns1035Label(version.name ?? "");
    if (problems.length > 0) errors.push(fieldError.invalid(`${path}.name`, version.name ?? "", problems.join(",")));
    errors.push(...validateDeprecation(version.deprecated ?? false, version.deprecationWarning, path));
    if (!common.schema) errors.push(...validateSchema(version, `${path}.schema`, hadSchema(version, old)));
    if (!common.subresources) errors.push(...validateSubresources(version.subresources, `${path}.subresources`));
    if (!common.columns) {
      errors.push(...validateColumns(version.additionalPrinterColumns, `${path}.additionalPrinterColumns`));
    }
    if (!common.selectableFields) errors.push(...validateSelectableFields(version, `${path}.selectableFields`));
  }
  const shown = versions as unknown as JsonValue;
  if (new Set(versions.map((version) => version.name)).size !== versions.length) {
    errors.push(fieldError.invalid("spec.versions", shown, "must contain unique version names"));
  }
  if (versions.filter((version) => version.storage).length !== 1) {
    const rule = "must have exactly one version marked as storage version";
    errors.push(fieldError.invalid("spec.versions", shown, rule));
  }
  const first = versions[0]?.name;
  const problems = first ? isDns1035Label(first) : [];
  if (problems.length > 0) errors.push(fieldError.invalid("spec.version", first, problems.join(",")));
  return errors;
}

/** Whether the version's schema is what it was before an update. */
function hadSchema(version: DefinitionVersion, old: DefinitionSpec | undefined): boolean {
  const before = old?.versions?.find((each) => each.name === version.name);
  return before !== undefined && jsonEqual(version.schema as never, before.schema as never);
}

function validateHoisted(spec: DefinitionSpec, old: DefinitionSpec | undefined): FieldError[] {
  const [first] = spec.versions ?? [];
  if (first === undefined) return [];
  const common = hoisted(spec);
  return [
    ...(common.schema ? validateSchema(first, "spec.validation", hadSchema(first, old)) : []),
    ...(common.subresources ? validateSubresources(first.subresources, "spec.subresources") : []),
    ...(common.columns ? validateColumns(first.additionalPrinterColumns, "spec.additionalPrinterColumns") : []),
    ...(common.selectableFields ? validateSelectableFields(first, "spec.selectableFields") : []),
  ];
}

function validateNamesOfSpec(spec: DefinitionSpec): FieldError[] {
  const names: Partial<DefinitionNames> = spec.names ?? {};
  const missing = (["plural", "singular", "kind", "listKind"] as const).filter((name) => !names[name]);
  return [...missing.map((name) => fieldError.required(`spec.names.${name}`)), ...validateNames(names, "spec.names")];
}

function validateNames(names: Partial<DefinitionNames>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const check = (field: string, value: string | undefined, prefix = "") => {
    if (!value) return;
    const problems = isDns1035Label(prefix === "" ? value : value.toLowerCase());
    if (problems.length > 0) errors.push(fieldError.invalid(`${path}.${field}`, value, prefix + problems.join(",")));
  };
  const mixed = "may have mixed case, but should otherwise match: ";
  check("plural", names.plural);
  check("singular", names.singular);
  check("kind", names.kind, mixed);
  check("listKind", names.listKind, mixed);
  for (const [index, name] of (names.shortNames ?? []).entries()) check(`shortNames[${index}]`, name);
  if (names.kind && names.kind === names.listKind) {
    errors.push(fieldError.invalid(`${path}.listKind`, names.listKind, "kind and listKind may not be the same"));
  }
  for (const [index, name] of (names.categories ?? []).entries()) check(`categories[${index}]`, name);
  return errors;
}

function validateDeprecation(deprecated: boolean, warning: string | undefined, path: string): FieldError[] {
  if (warning === undefined) return [];
  const field = `${path}.deprecationWarning`;
  if (!deprecated) return [fieldError.invalid(field, warning, "can only be set for deprecated versions")];
  const errors: FieldError[] = [];
  if (Buffer.byteLength(warning) > 256)
    errors.push(fieldError.invalid(field, warning, "must be <= 256 characters long"));
  if (warning === "") errors.push(fieldError.invalid(field, warning, "must not be an empty string"));
  const unprintable = warning.search(/[\p{C}\p{Zl}\p{Zp}]/u);
  if (unprintable >= 0) {
    const index = Buffer.byteLength(warning.slice(0, unprintable));
    const rule = `must only contain printable UTF-8 characters; non-printable character found at index ${index}`;
    errors.push(fieldError.invalid(field, warning, rule));
  }
  return errors;
}

function validateStoredVersions({ spec, status }: Definition): FieldError[] {
  const path = "status.storedVersions";
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0) return [fieldError.invalid(path, null, "must have at least one stored version")];
  const errors: FieldError[] = [];
  for (const version of spec.versions ?? []) {
    if (version.storage && !stored.includes(version.name)) {
      errors.push(fieldError.invalid(path, stored, `must have the storage version ${version.name}`));
    }
  }
  for (const [index, name] of stored.entries()) {
    if ((spec.versions ?? []).some((version) => version.name === name)) continue;
    const rule = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    errors.push(fieldError.invalid(`${path}[${index}]`, name, rule));
  }
  return errors;
}

const approvalAnnotation = "api-approved.kubernetes.io";

export interface Approval {
  state: "missing" | "bypassed" | "approved" | "invalid";
  reason: string;
}

/** Groups that end in k8s.io or kubernetes.io are the community's: an annotation must name the review that approved them. */
export function isProtectedGroup(group: string): boolean {
  return /(^|\.)(k8s|kubernetes)\.io$/.test(group);
}

export function approvalOf(definition: Definition): Approval {
  const annotation = definition.metadata.annotations?.[approvalAnnotation] ?? "";
  const see = "see https://github.com/kubernetes/enhancements/pull/1111";
  if (annotation === "") {
    const reason = `protected groups must have approval annotation "${approvalAnnotation}", ${see}`;
    return { state: "missing", reason };
  }
  if (annotation.startsWith("unapproved")) return { state: "bypassed", reason: `not approved: "${annotation}"` };
  if (/^[a-z][a-z\d+.-]*:\/\/[^/\s]+/i.test(annotation)) {
    return { state: "approved", reason: `approved in ${annotation}` };
  }
  const reason = `protected groups must have approval annotation "${approvalAnnotation}" with either a URL or a reason starting with "unapproved", ${see}`;
  return { state: "invalid", reason };
}

function validateApproval(definition: Definition, old: Definition | undefined): FieldError[] {
  if (!isProtectedGroup(definition.spec.group ?? "")) return [];
  const { state, reason } = approvalOf(definition);
  if (old !== undefined && approvalOf(old).state === state) return [];
  const field = `metadata.annotations[${approvalAnnotation}]`;
  if (state === "missing") return [fieldError.required(field, reason)];
  if (state === "invalid") {
    return [fieldError.invalid(field, definition.metadata.annotations?.[approvalAnnotation], reason)];
  }
  return [];
}
