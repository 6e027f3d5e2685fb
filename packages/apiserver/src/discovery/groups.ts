import type { Resource } from "../resources/resource.ts";

/** An API group as discovery shows it: its versions from the preferred one on. */
export interface Group {
  /** "" for core. */
  name: string;
  versions: GroupVersion[];
}

export interface GroupVersion {
  version: string;
  /** By plural. */
  resources: Resource[];
}

/** The order of upstream's own groups (k8s.io/kubernetes/pkg/controlplane/instance.go); others follow by name. */
const groupOrder = [
  "",
  "apiregistration.k8s.io",
  "apps",
  "events.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "networking.k8s.io",
  "policy",
  "rbac.authorization.k8s.io",
  "storage.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "scheduling.k8s.io",
  "coordination.k8s.io",
  "node.k8s.io",
  "discovery.k8s.io",
  "resource.k8s.io",
  "flowcontrol.apiserver.k8s.io",
];

/** All groups with their versions and resources, each in the order in which discovery shows them. */
export function groupsOf(resources: readonly Resource[]): Group[] {
  const groups = new Map<string, Map<string, Resource[]>>();
  for (const resource of resources) {
    let versions = groups.get(resource.group);
    if (versions === undefined) {
      versions = new Map();
      groups.set(resource.group, versions);
    }
    const list = versions.get(resource.version);
    if (list === undefined) versions.set(resource.version, [resource]);
    else list.push(resource);
  }
  return [...groups]
    .map(([name, versions]) => ({
      name,
      versions: [...versions]
        .map(([version, list]) => ({ version, resources: list.sort((a, b) => compareText(a.plural, b.plural)) }))
        .sort((a, b) => compareVersions(a.version, b.version)),
    }))
    .sort((a, b) => groupRank(a.name) - groupRank(b.name) || compareText(a.name, b.name));
}

function groupRank(name: string): number {
  const rank = groupOrder.indexOf(name);
  return rank < 0 ? groupOrder.length : rank;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The preferred first: v2, v1, v2beta1, v1beta2, v1alpha1, then others by name (apimachinery/pkg/version/helpers.go). */
export function compareVersions(a: string, b: string): number {
  const left = versionRank(a);
  const right = versionRank(b);
  if (left === undefined || right === undefined) {
    return left === right ? compareText(a, b) : left === undefined ? 1 : -1;
  }
  return right.stability - left.stability || right.major - left.major || right.minor - left.minor;
}

function versionRank(version: string): { stability: number; major: number; minor: number } | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return undefined;
  const stability = match[2] === undefined ? 2 : match[2] === "beta" ? 1 : 0;
  return { stability, major: Number(match[1]), minor: Number(match[3] ?? 0) };
}
