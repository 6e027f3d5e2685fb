import { formatQuantity, type JsonObject, type KubeObject, quantityOf, quantityValue } from "@podwright/kube";
import { podResources } from "./pod-resources.ts";
import { addResources, type ResourceList } from "./resource-list.ts";
import { podInScope, type ScopeSelector, scopesOf } from "./scopes.ts";

/** How one kind of object counts against quotas (k8s.io/apiserver/pkg/quota/v1/interfaces.go, Evaluator). */
export interface Evaluator {
  /** Those of a quota's resources that such objects use. */
  matching(names: readonly string[]): string[];
  usage(object: KubeObject, nowMs: number): ResourceList;
  /** What an object must say of itself where a quota counts it; undefined when it does. */
  missing?(object: KubeObject, names: readonly string[]): string | undefined;
  /** Whether an update can change what is used. */
  updates: "never" | "always" | "scope";
  inScope(object: KubeObject, scope: ScopeSelector): boolean;
}

/** Objects that no quota counts (k8s.io/kubernetes/pkg/quota/v1/install/registry.go). */
export function isIgnored(group: string, plural: string): boolean {
  return plural === "events" || (group === "" && (plural === "bindings" || plural === "componentstatuses"));
}

/** The evaluator of a resource: those with rules of their own, else one that counts objects. */
export function evaluatorFor(group: string, plural: string): Evaluator {
  if (group !== "") return objectCount(`count/${plural}.${group}`);
  if (plural === "pods") return pods;
  if (plural === "services") return services;
  if (plural === "persistentvolumeclaims") return claims;
  const alias = ["configmaps", "resourcequotas", "replicationcontrollers", "secrets"].includes(plural) ? [plural] : [];
  return objectCount(`count/${plural}`, ...alias);
}

/** Whether a quota is about an object: it counts something of it, and the object is in all its scopes. */
export function matches(evaluator: Evaluator, quota: KubeObject, object: KubeObject): boolean {
  const hard = Object.keys((quota["status"]?.hard ?? {}) as ResourceList);
  return evaluator.matching(hard).length > 0 && isInScopes(evaluator, quota, object);
}

export function isInScopes(evaluator: Evaluator, quota: KubeObject, object: KubeObject): boolean {
  return scopesOf(quota).every((scope) => evaluator.inScope(object, scope));
}

function objectCount(...names: string[]): Evaluator {
  return {
    matching: (given) => given.filter((name) => names.includes(name)),
    usage: () => Object.fromEntries(names.map((name) => [name, "1"])),
    updates: "never",
    inScope: () => false,
  };
}

const podNames = new Set([
  "count/pods",
  "pods",
  ...["cpu", "memory", "ephemeral-storage"].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
const mustSay = new Set(["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"]);

const pods: Evaluator = {
  matching: (given) =>
    given.filter(
      (name) =>
        podNames.has(name) ||
        name.startsWith("hugepages-") ||
        name.startsWith("requests.hugepages-") ||
        (name.startsWith("requests.") && name.includes("/") && !name.includes(".storageclass.storage.k8s.io/")),
    ),
  usage(pod, nowMs) {
    // The object counts as long as it is there; what it takes only while it lives.
    if (!isAlive(pod, nowMs)) return { "count/pods": "1" };
    const spec = (pod["spec"] ?? {}) as JsonObject;
    const requests = podResources(spec, "requests", true);
    return addResources({ "count/pods": "1" }, computeUsage(requests, podResources(spec, "limits", true)));
  },
  missing(pod, names) {
    const spec = (pod["spec"] ?? {}) as JsonObject;
    const own = spec["resources"] as { requests?: object; limits?: object } | undefined;
    if (Object.keys({ ...own?.requests, ...own?.limits }).length > 0) return undefined;
    const required = names.filter((name) => mustSay.has(name)).sort();
    const containers = [
      ...((spec["containers"] ?? []) as JsonObject[]),
      ...((spec["initContainers"] ?? []) as JsonObject[]),
    ];
    const parts = required.flatMap((name) => {
      const silent = containers.filter((container) => {
        const { requests, limits } = (container["resources"] ?? {}) as {
          requests?: ResourceList;
          limits?: ResourceList;
        };
        return computeUsage(requests ?? {}, limits ?? {})[name] === undefined;
      });
      const silentNames = [...new Set(silent.map((container) => String(container["name"])))].sort();
      return silentNames.length === 0 ? [] : [`${name} for: ${silentNames.join(",")}`];
    });
    return parts.length === 0 ? undefined : `must specify ${parts.join("; ")}`;
  },
  updates: "scope",
  inScope: podInScope,
};

function computeUsage(requests: ResourceList, limits: ResourceList): ResourceList {
  const usage: ResourceList = { pods: "1" };
  for (const name of ["cpu", "memory", "ephemeral-storage"]) {
    if (requests[name] !== undefined) {
      usage[name] = requests[name];
      usage[`requests.${name}`] = requests[name];
    }
    if (limits[name] !== undefined) usage[`limits.${name}`] = limits[name];
  }
  for (const [name, quantity] of Object.entries(requests)) {
    if (name.startsWith("hugepages-")) usage[name] = quantity;
    if (name.startsWith("hugepages-") || name.includes("/")) usage[`requests.${name}`] = quantity;
  }
  return usage;
}

/** Neither ended nor beyond the time it was given to end (k8s.io/kubernetes/pkg/quota/v1/evaluator/core/pods.go, QuotaV1Pod). */
function isAlive(pod: KubeObject, nowMs: number): boolean {
  const phase = pod["status"]?.phase;
  if (phase === "Succeeded" || phase === "Failed") return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return nowMs <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

const services: Evaluator = {
  matching: (given) =>
    given.filter((name) =>
      ["count/services", "services", "services.nodeports", "services.loadbalancers"].includes(name),
    ),
  usage(service) {
    const spec = (service["spec"] ?? {}) as {
      type?: string;
      ports?: { nodePort?: number }[];
      allocateLoadBalancerNodePorts?: boolean;
    };
    const ports = spec.ports ?? [];
    const isBalancer = spec.type === "LoadBalancer";
    let nodePorts = spec.type === "NodePort" || isBalancer ? ports.length : 0;
    if (isBalancer && spec.allocateLoadBalancerNodePorts === false)
      nodePorts = ports.filter(({ nodePort }) => nodePort).length;
    return {
      "count/services": "1",
      services: "1",
      "services.nodeports": String(nodePorts),
      "services.loadbalancers": isBalancer ? "1" : "0",
    };
  },
  updates: "always",
  inScope: () => false,
};

const byClass = ".storageclass.storage.k8s.io/";

const claims: Evaluator = {
  matching: (given) =>
    given.filter(
      (name) =>
        ["count/persistentvolumeclaims", "persistentvolumeclaims", "requests.storage"].includes(name) ||
        name.endsWith(`${byClass}persistentvolumeclaims`) ||
        name.endsWith(`${byClass}requests.storage`),
    ),
  usage(claim) {
    const spec = (claim["spec"] ?? {}) as { storageClassName?: string; resources?: { requests?: ResourceList } };
    const className = claim.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec.storageClassName;
    const usage: ResourceList = { "count/persistentvolumeclaims": "1", persistentvolumeclaims: "1" };
    if (className) usage[`${className}${byClass}persistentvolumeclaims`] = "1";
    const storage = largest(spec.resources?.requests?.["storage"], claim["status"]?.allocatedResources?.storage);
    if (storage !== undefined) {
      usage["requests.storage"] = storage;
      if (className) usage[`${className}${byClass}requests.storage`] = storage;
    }
    return usage;
  },
  updates: "always",
  inScope: () => false,
};

/** In whole bytes. */
function largest(requested: string | undefined, allocated: string | undefined): string | undefined {
  if (requested === undefined) return undefined;
  const most = allocated !== undefined && quantityValue(allocated) > quantityValue(requested) ? allocated : requested;
  return most.endsWith("m") ? formatQuantity(quantityOf(quantityValue(most))) : most;
}
