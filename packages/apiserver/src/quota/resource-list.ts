import { addQuantities, compareQuantities, formatQuantity, subtractQuantities } from "@podwright/kube";

/** Quantities by resource name: "cpu", "requests.memory", "count/pods". */
export type ResourceList = Record<string, string>;

/** The sum; names of either. */
export function addResources(a: ResourceList, b: ResourceList): ResourceList {
  const sum = { ...a };
  for (const [name, quantity] of Object.entries(b)) {
    const before = sum[name];
    sum[name] = before === undefined ? quantity : formatQuantity(addQuantities(before, quantity));
  }
  return sum;
}

/** a − b, nothing below zero; names of either. */
export function subtractResources(a: ResourceList, b: ResourceList): ResourceList {
  const difference = { ...a };
  for (const [name, quantity] of Object.entries(b)) {
    const left = formatQuantity(subtractQuantities(difference[name] ?? "0", quantity));
    difference[name] = compareQuantities(left, "0") < 0 ? "0" : left;
  }
  return difference;
}

/** The larger of each; names of either. */
export function maxResources(a: ResourceList, b: ResourceList): ResourceList {
  const most = { ...a };
  for (const [name, quantity] of Object.entries(b)) {
    const before = most[name];
    if (before === undefined || compareQuantities(quantity, before) > 0) most[name] = quantity;
  }
  return most;
}

/** Only these names. */
export function maskResources(list: ResourceList, names: Iterable<string>): ResourceList {
  const masked: ResourceList = {};
  for (const name of names) if (list[name] !== undefined) masked[name] = list[name];
  return masked;
}

export function withoutZeros(list: ResourceList): ResourceList {
  return Object.fromEntries(Object.entries(list).filter(([, quantity]) => compareQuantities(quantity, "0") !== 0));
}

export function equalResources(a: ResourceList, b: ResourceList): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => b[name] !== undefined && compareQuantities(a[name] as string, b[name]) === 0);
}

/** "cpu=1,pods=2", as errors have it. */
export function resourcesText(list: ResourceList): string {
  return Object.keys(list)
    .sort()
    .map((name) => `${name}=${list[name]}`)
    .join(",");
}
