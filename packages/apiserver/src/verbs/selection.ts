import { type FieldSelector, status } from "@podwright/kube";
import { keyPrefix, objectKey, type ResourceRequest } from "../context.ts";
import type { Resource } from "../resources/resource.ts";
import type { Attributes } from "../storage/storage.ts";
import type { ListOptions } from "./list-options.ts";

/** Which objects a list or a watch is about. */
export interface Selection {
  /** Keys start with it; the whole key when one object is selected by name. */
  prefix: string;
  /** The one key, when a name and a namespace select a single object. */
  key: string | undefined;
  /** Absent: all with the prefix. */
  matches: ((entry: { key: string } & Attributes) => boolean) | undefined;
}

/** Throws 400 for a field selector the kind does not know. */
export function selectionOf({ resource, namespace, name }: ResourceRequest, options: ListOptions): Selection {
  const { labelSelector, fieldSelector } = options;
  if (fieldSelector !== undefined) checkFields(resource, fieldSelector);
  const selectedName = fieldSelector && requiredValue(fieldSelector, "metadata.name");
  if (name !== "" && fieldSelector && fieldSelector.requirements.length > 0 && selectedName !== name) {
    throw status.badRequest("fieldSelector metadata.name doesn't match requested name");
  }
  const oneName = name !== "" ? name : selectedName;
  const oneNamespace =
    namespace !== "" ? namespace : fieldSelector && requiredValue(fieldSelector, "metadata.namespace");
  const key =
    oneName && (!resource.namespaced || oneNamespace) ? objectKey(resource, oneNamespace ?? "", oneName) : undefined;
  // A selector on nothing but the name is answered by the key itself.
  const prefixLength = keyPrefix(resource, "").length;
  const identityMatches =
    key !== undefined &&
    fieldSelector !== undefined &&
    onlyIdentity(fieldSelector) &&
    fieldSelector.matches(identityFields(key, prefixLength, resource.namespaced));
  const fieldsMatter = fieldSelector !== undefined && !identityMatches;
  const nameMatters = key === undefined && name !== "";
  if (!fieldsMatter && !nameMatters && labelSelector === undefined) {
    return { prefix: key ?? keyPrefix(resource, namespace), key, matches: undefined };
  }
  const matches = (entry: { key: string } & Attributes): boolean => {
    if (labelSelector !== undefined && !labelSelector.matches(entry.labels ?? {})) return false;
    if (!fieldsMatter && !nameMatters) return true;
    const identity = identityFields(entry.key, prefixLength, resource.namespaced);
    if (nameMatters && identity["metadata.name"] !== name) return false;
    return !fieldsMatter || (fieldSelector as FieldSelector).matches({ ...entry.fields, ...identity });
  };
  return { prefix: key ?? keyPrefix(resource, namespace), key, matches };
}

function checkFields(resource: Resource, selector: FieldSelector): void {
  for (const { field } of selector.requirements) {
    if (field === "metadata.name" || (field === "metadata.namespace" && resource.namespaced)) continue;
    if (field === "metadata.namespace" && !resource.custom) continue;
    if (resource.strategy.selectableFieldNames.includes(field)) continue;
    throw status.badRequest(unknownFieldText(resource, field));
  }
}

/**
 * Kinds with fields of their own answer with a short text, the others with the names they know
 * (k8s.io/apimachinery/pkg/runtime/conversion.go, DefaultMetaV1FieldSelectorConversion).
 */
function unknownFieldText(resource: Resource, field: string): string {
  return resource.custom || resource.strategy.selectableFieldNames.length > 0
    ? `field label not supported: ${field}`
    : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
}

function requiredValue(selector: FieldSelector, field: string): string | undefined {
  return selector.requirements.find((requirement) => requirement.field === field && requirement.operator === "=")
    ?.value;
}

function onlyIdentity(selector: FieldSelector): boolean {
  return selector.requirements.every(({ field }) => field === "metadata.name" || field === "metadata.namespace");
}

/** Name and namespace are in the key: "/group/plural/namespace/name". */
function identityFields(key: string, prefixLength: number, namespaced: boolean): Record<string, string> {
  const rest = key.slice(prefixLength);
  if (!namespaced) return { "metadata.name": rest, "metadata.namespace": "" };
  const slash = rest.indexOf("/");
  return { "metadata.name": rest.slice(slash + 1), "metadata.namespace": rest.slice(0, slash) };
}
