import { addQuantities, compareQuantities, fieldError, formatQuantity, isQualifiedName } from "@podwright/kube";
import { type Errors, each, invalid } from "../field-checks.ts";
import type { Struct } from "../kind.ts";
import { isHugePage, resourceName, resourceRequirements } from "./resources-validation.ts";

type Amounts = Record<string, string>;

/** Resources of the whole pod: those of its containers must fit into them. */
export function podLevelResources(errors: Errors, path: string, spec: Struct, claimNames: ReadonlySet<string>): void {
  const resources: Struct = spec["resources"];
  if (spec["os"]?.name === "windows") {
    errors.push(fieldError.forbidden(path, "may not be set for a windows pod"));
    return;
  }
  if (resources["claims"] !== undefined) {
    errors.push(fieldError.forbidden(`${path}.claims`, "claims may not be set for Resources at pod-level"));
  }
  resourceRequirements(errors, path, resources, claimNames, (_, at, name) => podResourceName(errors, at, name));
  for (const [name, sum] of Object.entries(aggregate(spec, "requests"))) {
    const request: string | undefined = resources["requests"]?.[name];
    if (request === undefined || compareQuantities(sum, request) <= 0) continue;
    const detail = `must be greater than or equal to aggregate container requests of ${sum}`;
    errors.push(fieldError.invalid(`${path}.requests[${name}]`, request, detail));
  }
  each(spec["containers"], `${path}.containers`, (container: Struct, at) => {
    for (const [name, limit] of Object.entries<string>(container["resources"]?.limits ?? {})) {
      const podLimit: string | undefined = resources["limits"]?.[name];
      if (podLimit === undefined || compareQuantities(limit, podLimit) <= 0) continue;
      const detail = `must be less than or equal to pod limits of ${podLimit}`;
      errors.push(fieldError.invalid(`${at}[${name}].limits`, limit, detail));
    }
  });
}

/** Requests of the whole pod that its limits and its containers imply (upstream's defaultPodRequests). */
export function defaultPodLevelRequests(spec: Struct): void {
  const limits: Amounts = spec["resources"]?.limits ?? {};
  if (Object.keys(limits).length === 0) return;
  const requests: Amounts = { ...spec["resources"].requests };
  for (const [name, sum] of Object.entries(aggregate(spec, "requests"))) {
    if (name === "cpu" || name === "memory") requests[name] ??= sum;
  }
  for (const [name, limit] of Object.entries(limits)) if (isSupported(name)) requests[name] ??= limit;
  if (Object.keys(requests).length > 0) spec["resources"].requests = requests;
}

/** What the containers ask for together: all that run at once, or the init container that needs most beside its sidecars. */
function aggregate(spec: Struct, kind: "requests" | "limits"): Amounts {
  const total: Amounts = {};
  const sidecars: Amounts = {};
  const initMost: Amounts = {};
  for (const container of spec["containers"] ?? []) add(total, container.resources?.[kind]);
  for (const container of spec["initContainers"] ?? []) {
    const amounts: Amounts = container.resources?.[kind] ?? {};
    if (container.restartPolicy === "Always") {
      add(total, amounts);
      add(sidecars, amounts);
      most(initMost, sidecars);
    } else {
      const beside = { ...sidecars };
      add(beside, amounts);
      most(initMost, beside);
    }
  }
  most(total, initMost);
  return total;
}

function add(sum: Amounts, amounts: Amounts | undefined): void {
  for (const [name, amount] of Object.entries(amounts ?? {})) {
    sum[name] = sum[name] === undefined ? amount : formatQuantity(addQuantities(sum[name], amount));
  }
}

function most(sum: Amounts, amounts: Amounts): void {
  for (const [name, amount] of Object.entries(amounts)) {
    if (sum[name] === undefined || compareQuantities(amount, sum[name]) > 0) sum[name] = amount;
  }
}

function podResourceName(errors: Errors, path: string, name: string): void {
  const messages = isQualifiedName(name);
  if (messages.length > 0) invalid(errors, path, name, messages);
  else if (resourceName(errors, path, name) && !isSupported(name)) {
    errors.push(fieldError.notSupported(path, name, ["cpu", "memory"]));
  }
}

function isSupported(name: string): boolean {
  return name === "cpu" || name === "memory" || isHugePage(name);
}
