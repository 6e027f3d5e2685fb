import { type KubeObject, labelSelectorFromObject, parseApiVersion } from "@podwright/kube";
import { keyPrefix, objectKey } from "../../context.ts";
import { parseStored } from "../../output/response.ts";
import type { Conversions } from "../../resources/conversion.ts";
import type { Resource, ResourceRegistry } from "../../resources/resource.ts";
import type { Storage } from "../../storage/storage.ts";
import type { ParamRef, Policy } from "./policy.ts";

/** Finds the objects that a binding's paramRef names. */
export interface Params {
  storage: Storage;
  registry: ResourceRegistry;
}

/**
 * The parameters to evaluate a policy with, once for each: one undefined where there are none to be had
 * (k8s.io/apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go, CollectParams). Throws an Error.
 */
export function collectParams(
  { storage, registry }: Params,
  { paramKind }: Policy,
  paramRef: ParamRef | undefined,
  requestNamespace: string,
  conversions: Conversions,
): (KubeObject | undefined)[] {
  if (paramKind === undefined || paramRef === undefined) return [undefined];
  const { group, version } = parseApiVersion(paramKind.apiVersion);
  const resource = registry.lookupKind(group, version, paramKind.kind);
  if (resource === undefined) {
    throw new Error(`paramKind kind \`${paramKind.apiVersion}, Kind=${paramKind.kind}\` not known`);
  }
  const namespace = namespaceOf(resource, paramRef, requestNamespace);
  const stored = paramRef.name
    ? named(storage, resource, namespace, paramRef.name)
    : selected(storage, resource, namespace, paramRef);
  const found = stored.map((object) => conversions.fromStorage(resource, object));
  if (found.length > 0) return found;
  if (paramRef.parameterNotFoundAction === "Allow") return [];
  throw new Error("no params found for policy binding with `Deny` parameterNotFoundAction");
}

function namespaceOf(resource: Resource, { namespace = "" }: ParamRef, requestNamespace: string): string {
  if (!resource.namespaced) {
    if (namespace === "") return "";
    throw new Error("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
  }
  const chosen = namespace || requestNamespace;
  if (chosen !== "") return chosen;
  throw new Error("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
}

function named(storage: Storage, resource: Resource, namespace: string, name: string): KubeObject[] {
  const stored = storage.get(objectKey(resource, namespace, name));
  return stored === undefined ? [] : [parseStored(stored.value)];
}

function selected(storage: Storage, resource: Resource, namespace: string, { selector }: ParamRef): KubeObject[] {
  const wanted = labelSelectorFromObject(selector);
  const { items } = storage.list({
    prefix: keyPrefix(resource, namespace),
    matches: ({ labels }) => wanted.matches(labels ?? {}),
  });
  return items.map(({ value }) => parseStored(value));
}
