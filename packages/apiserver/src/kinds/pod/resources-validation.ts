import { compareQuantities, fieldError, isDns1123Label, isQualifiedName, quantityMilliValue } from "@podwright/kube";
import { type Errors, each, invalid, nonNegativeQuantity } from "../field-checks.ts";
import type { Struct } from "../kind.ts";

const containerResources: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage"]);
const objectCounts = [
  "pods",
  "services",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
];
const objectCountSet: ReadonlySet<string> = new Set(objectCounts);
const standardResources: ReadonlySet<string> = new Set([
  ...containerResources,
  ...[...containerResources].flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  ...objectCounts,
  "storage",
  "requests.storage",
]);

/** A resource name anywhere: a standard one, or one with a domain. True when it is fine. */
export function resourceName(errors: Errors, path: string, name: string): boolean {
  const messages = isQualifiedName(name);
  invalid(errors, path, name, messages);
  if (messages.length > 0) return false;
  const standard = standardResources.has(name) || isHugePage(name) || name.startsWith("requests.hugepages-");
  if (name.includes("/") || standard) return true;
  errors.push(fieldError.invalid(path, name, "must be a standard resource type or fully qualified"));
  return false;
}

/** The amount of a resource: not negative, and whole where it is counted. */
export function resourceAmount(errors: Errors, path: string, name: string, quantity: string): void {
  nonNegativeQuantity(errors, path, quantity);
  if ((objectCountSet.has(name) || isExtended(name)) && quantityMilliValue(quantity) % 1000 !== 0) {
    errors.push(fieldError.invalid(path, quantity, "must be an integer"));
  }
}

/** What a container asks for and may have. */
export function containerResourceRequirements(
  errors: Errors,
  path: string,
  requirements: Struct | undefined,
  claimNames: ReadonlySet<string>,
): void {
  resourceRequirements(errors, path, requirements ?? {}, claimNames, containerResourceName);
}

export function resourceRequirements(
  errors: Errors,
  path: string,
  requirements: Struct,
  claimNames: ReadonlySet<string>,
  checkName: (errors: Errors, path: string, name: string) => void,
): void {
  const limits: Record<string, string> = requirements["limits"] ?? {};
  const requests: Record<string, string> = requirements["requests"] ?? {};
  for (const [name, limit] of Object.entries(limits)) {
    const at = `${path}.limits[${name}]`;
    checkName(errors, at, name);
    resourceAmount(errors, at, name, limit);
  }
  for (const [name, request] of Object.entries(requests)) {
    const at = `${path}.requests[${name}]`;
    checkName(errors, at, name);
    resourceAmount(errors, at, name, request);
    requestWithinLimit(errors, path, name, request, limits[name]);
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePage) && !names.some((name) => name === "cpu" || name === "memory")) {
    errors.push(fieldError.forbidden(path, "HugePages require cpu or memory"));
  }
  resourceClaimNames(errors, `${path}.claims`, requirements["claims"] ?? [], claimNames);
}

/** Requests may not exceed limits; what cannot be overcommitted must be the same in both. */
function requestWithinLimit(
  errors: Errors,
  path: string,
  name: string,
  request: string,
  limit: string | undefined,
): void {
  const overcommit = isNative(name) && !isHugePage(name);
  if (limit === undefined) {
    if (!overcommit) {
      errors.push(fieldError.required(`${path}.limits`, "Limit must be set for non overcommitable resources"));
    }
    return;
  }
  if (request === limit) return;
  const order = compareQuantities(request, limit);
  if (order !== 0 && !overcommit) {
    errors.push(fieldError.invalid(`${path}.requests`, request, `must be equal to ${name} limit of ${limit}`));
  } else if (order > 0) {
    errors.push(
      fieldError.invalid(`${path}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`),
    );
  }
}

function containerResourceName(errors: Errors, path: string, name: string): void {
  resourceName(errors, path, name);
  if (!name.includes("/")) {
    if (!containerResources.has(name) && !isHugePage(name)) {
      errors.push(fieldError.invalid(path, name, "must be a standard resource for containers"));
    }
  } else if (!isNative(name) && !isExtended(name)) {
    errors.push(fieldError.invalid(path, name, "doesn't follow extended resource name standard"));
  }
}

function resourceClaimNames(errors: Errors, path: string, claims: Struct[], known: ReadonlySet<string>): void {
  const seen = new Set<string>();
  each(claims, path, ({ name = "", request = "" }, at) => {
    if (name === "") {
      errors.push(fieldError.required(at));
      return;
    }
    const key = request === "" ? name : `${name}/${request}`;
    if (request !== "") invalid(errors, `${at}.request`, request, isDns1123Label(request));
    const overlaps = request === "" && [...seen].some((other) => other.startsWith(`${name}/`));
    if (seen.has(name) || overlaps) errors.push(fieldError.duplicate(at, name));
    else if (seen.has(key)) errors.push(fieldError.duplicate(at, key));
    seen.add(key);
    if (!known.has(name)) {
      const names = known.size === 0 ? " which is empty" : `: ${[...known].sort().join(", ")}`;
      errors.push({
        ...fieldError.notFound(at, name),
        detail: `must be one of the names in pod.spec.resourceClaims${names}`,
      });
    }
  });
}

/** Resources of Kubernetes itself. */
function isNative(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/");
}

/** Resources of others, such as devices: "example.com/gpu". */
function isExtended(name: string): boolean {
  return !isNative(name) && !name.startsWith("requests.") && isQualifiedName(`requests.${name}`).length === 0;
}

export function isHugePage(name: string): boolean {
  return name.startsWith("hugepages-");
}
