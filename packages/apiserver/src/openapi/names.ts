import type { Resource } from "../resources/resource.ts";

/** "apps", "v1" → "AppsV1", as operation ids have it; core is "CoreV1". */
export function groupVersionTitle(group: string, version: string): string {
  return capitalized(groupWords(group)) + capitalized(version);
}

/** "rbac.authorization.k8s.io" → "rbacAuthorization", as tags have it. */
export function groupWords(group: string): string {
  const short = group === "" ? "core" : group.replace(/\.k8s\.io$/, "");
  return short
    .split(/[.-]/)
    .map((word, index) => (index === 0 ? word : capitalized(word)))
    .join("");
}

export function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** "/api/v1", "/apis/apps/v1" */
export function groupVersionPath(group: string, version: string): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** The component of a custom resource: "com.example.stable.v1.CronTab". */
export function customComponent({ group, version }: Resource, kind: string): string {
  return [...group.split(".").reverse(), version, kind].join(".");
}

export function componentRef(name: string) {
  return { $ref: `#/components/schemas/${name}` };
}
