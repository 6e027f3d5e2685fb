import {
  type FieldError,
  fieldError,
  isConfigMapKey,
  isDns1123Subdomain,
  isQualifiedName,
  validateLabelSelector,
  validateLabels,
} from "@podwright/kube";
import { parseCopyTemplate, TemplateError } from "./copy-template.ts";
import { isGlob } from "./glob.ts";
import { type CopyRules, type NamespaceSet, reservedKeys, type SecretReflector } from "./secret-reflector.ts";

/** What is wrong with a reflector's spec. */
export function validateReflector(reflector: SecretReflector): FieldError[] {
  const { spec } = reflector;
  return [
    ...validateSource(reflector),
    ...validateNamespaces(spec.targets, "spec.targets"),
    ...validateNamespaces(spec.allow, "spec.allow"),
    ...(meansSome(spec.targets) || meansSome(spec.allow)
      ? []
      : [fieldError.required("spec.targets", "name namespaces or a namespaceSelector here or in spec.allow")]),
    ...validateCopy(spec.copy ?? {}, spec.secret !== undefined),
    ...validateName(reflector),
  ];
}

function validateSource({ spec }: SecretReflector): FieldError[] {
  if (spec.secret !== undefined && spec.configMap !== undefined) {
    return [fieldError.forbidden("spec.configMap", "may not be given beside spec.secret: write two reflectors")];
  }
  const path = spec.configMap === undefined ? "spec.secret" : "spec.configMap";
  const source = spec.secret ?? spec.configMap;
  if (source === undefined) return [fieldError.required("spec.secret", "what to copy: secret or configMap")];
  if (source.name !== undefined && source.selector !== undefined) {
    return [fieldError.forbidden(`${path}.selector`, "may not be given beside a name")];
  }
  if (source.selector !== undefined) return validateLabelSelector(source.selector, `${path}.selector`);
  if (!source.name) return [fieldError.required(`${path}.name`, "a name or a selector is needed")];
  return isDns1123Subdomain(source.name).map((wrong) => fieldError.invalid(`${path}.name`, source.name, wrong));
}

function validateNamespaces(set: NamespaceSet | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ["namespaces", "exclude"] as const) {
    (set?.[field] ?? []).forEach((glob, index) => {
      if (/^[a-z0-9*?]([-a-z0-9*?]{0,61}[a-z0-9*?])?$/.test(glob)) return;
      const detail = "must be the name of a namespace, in which * stands for any letters and ? for one";
      errors.push(fieldError.invalid(`${path}.${field}[${index}]`, glob, detail));
    });
  }
  return [...errors, ...validateLabelSelector(set?.namespaceSelector, `${path}.namespaceSelector`)];
}

function meansSome(set: NamespaceSet | undefined): boolean {
  return (set?.namespaces?.length ?? 0) > 0 || set?.namespaceSelector !== undefined;
}

function validateCopy(copy: CopyRules, ofSecret: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const checkKey = (path: string, key: string) => {
    for (const wrong of isConfigMapKey(key)) errors.push(fieldError.invalid(path, key, wrong));
  };
  const renamed = new Map<string, string>();
  for (const [old, name] of Object.entries(copy.rename ?? {})) {
    const path = `spec.copy.rename[${old}]`;
    checkKey(path, name);
    const other = renamed.get(name);
    if (other !== undefined) errors.push(fieldError.invalid(path, name, `is the new name of ${other} already`));
    renamed.set(name, old);
  }
  for (const [key, text] of Object.entries(copy.template ?? {})) {
    const path = `spec.copy.template[${key}]`;
    checkKey(path, key);
    if (renamed.has(key)) errors.push(fieldError.invalid(path, key, `${renamed.get(key)} is renamed to it`));
    errors.push(...templateErrors(path, text, true));
  }
  errors.push(...validateLabels(copy.labels, "spec.copy.labels"));
  for (const key of Object.keys(copy.annotations ?? {})) {
    for (const wrong of isQualifiedName(key.toLowerCase())) {
      errors.push(fieldError.invalid("spec.copy.annotations", key, wrong));
    }
  }
  for (const field of ["labels", "annotations"] as const) {
    for (const key of Object.keys(copy[field] ?? {})) {
      if (reservedKeys.includes(key))
        errors.push(fieldError.forbidden(`spec.copy.${field}[${key}]`, "tells of the origin"));
    }
  }
  if (copy.type !== undefined && !ofSecret) {
    errors.push(fieldError.forbidden("spec.copy.type", "a ConfigMap has no type"));
  }
  return errors;
}

function validateName({ spec, metadata }: SecretReflector): FieldError[] {
  const path = "spec.copy.name";
  const text = spec.copy?.name ?? "{{ name }}";
  const errors = templateErrors(path, text, false);
  if (errors.length > 0) return errors;
  const template = parseCopyTemplate(text, false);
  const source = (spec.secret ?? spec.configMap)?.name;
  if (source === undefined && !template.usesName) {
    return [fieldError.invalid(path, text, "must contain {{ name }}: a selector may find more than one")];
  }
  const own = metadata.namespace ?? "";
  const sample = template.render({ name: source ?? "name", namespace: own, targetNamespace: own });
  const [wrong] = isDns1123Subdomain(sample);
  if (wrong !== undefined) return [fieldError.invalid(path, text, `gives ${JSON.stringify(sample)}: ${wrong}`)];
  const named = spec.targets?.namespaces?.findIndex((name) => !isGlob(name) && name === own) ?? -1;
  if (named >= 0 && sample === (source ?? "name")) {
    const detail = "is the source's own namespace, and the copy would be the source: give spec.copy.name another name";
    return [fieldError.invalid(`spec.targets.namespaces[${named}]`, own, detail)];
  }
  return [];
}

function templateErrors(path: string, text: string, withData: boolean): FieldError[] {
  try {
    parseCopyTemplate(text, withData);
    return [];
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return [fieldError.invalid(path, text, error.message)];
  }
}
