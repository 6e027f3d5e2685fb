import { createHash } from "node:crypto";
import { formatApiVersion, nativeTypes } from "@podwright/kube";
import type { Resource, Subresource } from "../resources/resource.ts";
import type { Group, GroupVersion } from "./groups.ts";

/** The plain documents: /api, /apis, /apis/GROUP, /apis/GROUP/VERSION (k8s.io/apiserver/pkg/endpoints/discovery). */
export function apiVersions(host: string): object {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: host }],
  };
}

export function apiGroupList(groups: readonly Group[]): object {
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.filter(({ name }) => name !== "").map(groupFields) };
}

export function apiGroup(group: Group): object {
  return { kind: "APIGroup", apiVersion: "v1", ...groupFields(group) };
}

function groupFields({ name, versions }: Group) {
  const all = versions.map(({ version }) => ({ groupVersion: formatApiVersion(name, version), version }));
  return { name, versions: all, preferredVersion: all[0] };
}

export function apiResourceList(group: string, { version, resources }: GroupVersion): object {
  return {
    kind: "APIResourceList",
    ...(group !== "" && { apiVersion: "v1" }),
    groupVersion: formatApiVersion(group, version),
    resources: resources.flatMap((resource) => [
      resourceFields(resource),
      ...subresourcesOf(resource).map((subresource) => subresourceFields(resource, subresource)),
    ]),
  };
}

function resourceFields(resource: Resource) {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories } = resource;
  const storageVersionHash = storageVersionHashOf(resource);
  return {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: verbsOf(resource, verbs),
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    ...(storageVersionHash !== undefined && { storageVersionHash }),
  };
}

/** Stands for the version that is stored (k8s.io/apiserver/pkg/endpoints/discovery/storageversionhash.go). */
function storageVersionHashOf({ group, version, kind, custom }: Resource): string | undefined {
  if (!custom) return nativeTypes().kind(group, version, kind)?.storageVersionHash;
  return createHash("sha256").update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString("base64");
}

function subresourceFields(resource: Resource, { name, kind, group, version, verbs }: Subresource) {
  return {
    name: `${resource.plural}/${name}`,
    singularName: "",
    namespaced: resource.namespaced,
    ...(group && { group }),
    ...(version && { version }),
    kind,
    verbs: [...verbs].sort(),
  };
}

/** The one document for all groups (k8s.io/api/apidiscovery/v2). */
export function aggregatedDiscovery(groups: readonly Group[]): object {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: name === "" ? {} : { name },
      versions: versions.map(({ version, resources }) => ({
        version,
        resources: resources.map(aggregatedResource),
        freshness: "Current",
      })),
    })),
  };
}

function aggregatedResource(resource: Resource) {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories, subresources } = resource;
  return {
    resource: plural,
    responseKind: { group: "", version: "", kind },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs: verbsOf(resource, verbs),
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    ...(subresources.length > 0 && {
      subresources: subresourcesOf(resource).map(({ name, kind, group, version, verbs }) => ({
        subresource: name,
        responseKind: { group: group ?? "", version: version ?? "", kind },
        verbs: [...verbs].sort(),
      })),
    }),
  };
}

/** Upstream sorts what native kinds have and leaves custom resources in the order of their handler. */
function subresourcesOf({ custom, subresources }: Resource): readonly Subresource[] {
  return custom ? subresources : [...subresources].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function verbsOf({ custom }: Resource, verbs: readonly string[]): readonly string[] {
  return custom ? verbs : [...verbs].sort();
}
