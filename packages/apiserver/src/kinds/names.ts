import { isDns1035Label, isDns1123Label, isDns1123Subdomain, isPathSegmentName } from "@podwright/kube";

/*
 * Rules for names, as upstream's ValidateNameFunc: a prefix is a generateName, whose last dash the generated
 * part will follow (k8s.io/apimachinery/pkg/api/validation/generic.go).
 */

export function dnsSubdomainName(name: string, prefix: boolean): string[] {
  return isDns1123Subdomain(prefix ? maskTrailingDash(name) : name);
}

export function dnsLabelName(name: string, prefix: boolean): string[] {
  return isDns1123Label(prefix ? maskTrailingDash(name) : name);
}

export function dns1035LabelName(name: string, prefix: boolean): string[] {
  return isDns1035Label(prefix ? maskTrailingDash(name) : name);
}

/** For names that may hold anything that fits into a path. */
export function pathSegmentName(name: string, prefix: boolean): string[] {
  return isPathSegmentName(name, prefix);
}

function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith("-") ? `${name.slice(0, -2)}a` : name;
}
