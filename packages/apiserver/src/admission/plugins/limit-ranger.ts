import {
  compareQuantities,
  type JsonObject,
  type KubeObject,
  quantityMilliValue,
  quantityValue,
} from "@podwright/kube";
import { podResources } from "../../quota/pod-resources.ts";
import type { ResourceList } from "../../quota/resource-list.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import type { Lister } from "../lister.ts";
import { isCore, refuse } from "../refusal.ts";

interface LimitItem {
  type: string;
  min?: ResourceList;
  max?: ResourceList;
  default?: ResourceList;
  defaultRequest?: ResourceList;
  maxLimitRequestRatio?: ResourceList;
}

interface Container {
  name: string;
  resources?: { requests?: ResourceList; limits?: ResourceList };
}

const annotation = "kubernetes.io/limit-ranger";

/**
 * Gives containers the requests and limits that the LimitRanges of their namespace have as defaults, and refuses pods
 * and claims that are outside of them (k8s.io/kubernetes/plugin/pkg/admission/limitranger/admission.go).
 */
export function limitRanger(limitRanges: Lister): AdmissionPlugin {
  const inNamespace = ({ namespace }: AdmissionAttributes): KubeObject[] => {
    const all = limitRanges.list();
    return all.length === 0 ? all : all.filter(({ metadata }) => metadata.namespace === namespace);
  };
  return {
    name: "LimitRanger",
    handles(attributes) {
      if (attributes.oldObject?.metadata.deletionTimestamp !== undefined) return false;
      if (isCore(attributes, "pods")) return attributes.operation === "CREATE";
      const isWrite = attributes.operation === "CREATE" || attributes.operation === "UPDATE";
      return isWrite && isCore(attributes, "persistentvolumeclaims");
    },
    mutate(attributes) {
      if (!isCore(attributes, "pods") || attributes.object === undefined) return;
      for (const range of inNamespace(attributes)) fillPod(attributes.object, itemsOf(range));
    },
    validate(attributes) {
      for (const range of inNamespace(attributes)) {
        const check = isCore(attributes, "pods") ? podProblems : claimProblems;
        const problems = check(attributes.object as KubeObject, itemsOf(range));
        // As Go's aggregates show themselves: each text once.
        const texts = [...new Set(problems)];
        if (texts.length > 0)
          throw refuse(attributes, texts.length === 1 ? (texts[0] as string) : `[${texts.join(", ")}]`);
      }
    },
  };
}

function itemsOf(range: KubeObject): LimitItem[] {
  return (range["spec"]?.limits ?? []) as LimitItem[];
}

function fillPod(pod: KubeObject, items: LimitItem[]): void {
  const containerItems = items.filter(({ type }) => type === "Container");
  const requests = Object.assign({}, ...containerItems.map((item) => item.defaultRequest)) as ResourceList;
  const limits = Object.assign({}, ...containerItems.map((item) => item.default)) as ResourceList;
  const notes: string[] = [];
  const spec = pod["spec"] as { containers?: Container[]; initContainers?: Container[] };
  for (const container of spec.containers ?? []) fillContainer(container, requests, limits, "container", notes);
  for (const container of spec.initContainers ?? [])
    fillContainer(container, requests, limits, "init container", notes);
  if (notes.length === 0) return;
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${notes.join("; ")}`,
  };
}

function fillContainer(
  container: Container,
  requests: ResourceList,
  limits: ResourceList,
  what: string,
  notes: string[],
): void {
  container.resources ??= {};
  for (const [kind, defaults, word] of [
    ["limits", limits, "limit"],
    ["requests", requests, "request"],
  ] as const) {
    const own = container.resources[kind] ?? {};
    const set = Object.keys(defaults).filter((name) => own[name] === undefined);
    if (set.length === 0) continue;
    container.resources[kind] = { ...own, ...Object.fromEntries(set.map((name) => [name, defaults[name] as string])) };
    // Requests are told of first.
    const note = `${set.toSorted().join(", ")} ${word} for ${what} ${container.name}`;
    const at =
      word === "request" ? notes.findIndex((text) => text.endsWith(` limit for ${what} ${container.name}`)) : -1;
    if (at < 0) notes.push(note);
    else notes.splice(at, 0, note);
  }
}

function podProblems(pod: KubeObject, items: LimitItem[]): string[] {
  const spec = pod["spec"] as JsonObject & { containers?: Container[]; initContainers?: Container[] };
  return items.flatMap((item) => {
    if (item.type === "Pod") {
      return problemsOf(item, podResources(spec, "requests", false), podResources(spec, "limits", false));
    }
    if (item.type !== "Container") return [];
    return [...(spec.containers ?? []), ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
      problemsOf(item, resources?.requests ?? {}, resources?.limits ?? {}),
    );
  });
}

function problemsOf(item: LimitItem, requests: ResourceList, limits: ResourceList): string[] {
  return [
    ...minProblems(item, ["request", requests], ["limit", limits]),
    ...maxProblems(item, ["limit", limits], ["request", requests]),
    ...ratioProblems(item, requests, limits),
  ];
}

function claimProblems(claim: KubeObject, items: LimitItem[]): string[] {
  const requests = (claim["spec"]?.resources?.requests ?? {}) as ResourceList;
  return items
    .filter(({ type }) => type === "PersistentVolumeClaim")
    .flatMap((item) => [...minProblems(item, ["request", requests]), ...maxProblems(item, ["request", requests])]);
}

type Usage = readonly [word: "request" | "limit", list: ResourceList];

function minProblems({ min, type }: LimitItem, ...usages: [Usage, ...Usage[]]): string[] {
  return each(min, (name, least) => {
    const what = `minimum ${name} usage per ${type} is ${least}`;
    return boundProblem(what, name, usages, (value) => exceeds(least, value));
  });
}

function maxProblems({ max, type }: LimitItem, ...usages: [Usage, ...Usage[]]): string[] {
  return each(max, (name, most) => {
    const what = `maximum ${name} usage per ${type} is ${most}`;
    return boundProblem(what, name, usages, (value) => exceeds(value, most));
  });
}

/** The first usage must be there; the others are held to the bound where they are. */
function boundProblem(
  what: string,
  name: string,
  usages: [Usage, ...Usage[]],
  isBeyond: (value: string) => boolean,
): string | undefined {
  const [[word, list]] = usages;
  if (list[name] === undefined) return `${what}.  No ${word} is specified`;
  const beyond = usages.find(([, { [name]: value }]) => value !== undefined && isBeyond(value));
  return beyond && `${what}, but ${beyond[0]} is ${beyond[1][name]}`;
}

function ratioProblems(
  { maxLimitRequestRatio, type }: LimitItem,
  requests: ResourceList,
  limits: ResourceList,
): string[] {
  return each(maxLimitRequestRatio, (name, most) => {
    const what = `${name} max limit to request ratio per ${type} is ${most}`;
    const request = requests[name];
    const limit = limits[name];
    if (request === undefined || quantityMilliValue(request) === 0)
      return `${what}, but no request is specified or request is 0`;
    if (limit === undefined || quantityMilliValue(limit) === 0)
      return `${what}, but no limit is specified or limit is 0`;
    // In thousandths as long as they can be counted so.
    const fine = [request, limit, most].every((quantity) => quantityValue(quantity) <= Number.MAX_SAFE_INTEGER / 1000);
    const value = fine ? quantityMilliValue : quantityValue;
    const ratio = value(limit) / value(request);
    return ratio > quantityMilliValue(most) / 1000 ? `${what}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
  });
}

/** What the check says of each resource of the list. */
function each(list: ResourceList | undefined, check: (name: string, bound: string) => string | undefined): string[] {
  return Object.entries(list ?? {}).flatMap(([name, bound]) => check(name, bound) ?? []);
}

function exceeds(a: string, b: string): boolean {
  return compareQuantities(a, b) > 0;
}
