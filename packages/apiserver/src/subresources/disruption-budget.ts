/** Whether a pod may be evicted (k8s.io/kubernetes/pkg/registry/core/pod/storage/eviction.go). */
import { formatTime, type KubeObject, labelSelectorFromObject, type StatusError, status } from "@podwright/kube";
import { keyPrefix, objectKey, type ResourceRequest, type ServerParts } from "../context.ts";
import { plainError } from "../output/plain-error.ts";
import { parseStored } from "../output/response.ts";
import type { Resource } from "../resources/resource.ts";
import type { DeleteOptions } from "../verbs/delete-options.ts";
import { encodeStored, storedAttributes } from "../verbs/stored-object.ts";

/** So many evictions that are not through yet are too many. */
const maxDisruptedPods = 2000;

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  observedGeneration?: number;
}

/**
 * Counts the eviction of the request's pod against its budget. Gives the options to delete it with. Throws 404, and
 * 429 when the budget does not allow it.
 */
export async function allowEviction(
  parts: ServerParts,
  request: ResourceRequest,
  options: DeleteOptions,
): Promise<DeleteOptions> {
  const { resource, namespace, name } = request;
  const stored = parts.storage.get(objectKey(resource, namespace, name));
  if (stored === undefined) throw status.notFound({ group: "", resource: "pods" }, name);
  const pod = parseStored(stored.value);
  const budgets = parts.registry.lookup("policy", "v1", "poddisruptionbudgets");
  const phase: string = pod["status"]?.phase ?? "";
  const ended = phase === "Succeeded" || phase === "Failed" || pod.metadata.deletionTimestamp !== undefined;
  if (budgets === undefined || ended || phase === "Pending") return options;

  const found = budgetsOf(parts, budgets, namespace, pod);
  if (found.length > 1) throw severalBudgets();
  const [budget] = found;
  if (budget === undefined) return options;
  if (!isReady(pod) && mayGoUnhealthy(budget)) return ifUnchanged(pod, options);
  await count(parts, budgets, budget, name, options.dryRun);
  return options;
}

function budgetsOf({ storage }: ServerParts, budgets: Resource, namespace: string, pod: KubeObject): KubeObject[] {
  return storage
    .list({ prefix: keyPrefix(budgets, namespace) })
    .items.map(({ value }) => parseStored(value))
    .filter(({ spec }) => spec?.selector && labelSelectorFromObject(spec.selector).matches(pod.metadata.labels ?? {}));
}

function severalBudgets(): StatusError {
  return plainError("This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.");
}

function isReady(pod: KubeObject): boolean {
  const conditions: Condition[] = pod["status"]?.conditions ?? [];
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

/** A pod that does not work is not missed, where the budget says so or is kept without it. */
function mayGoUnhealthy({ spec, status: { currentHealthy = 0, desiredHealthy = 0 } = {} }: KubeObject): boolean {
  if (spec.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

/** It may have become ready in the meantime. */
function ifUnchanged(pod: KubeObject, options: DeleteOptions): DeleteOptions {
  if (options.preconditions?.resourceVersion || pod.metadata.resourceVersion === undefined) return options;
  return { ...options, preconditions: { ...options.preconditions, resourceVersion: pod.metadata.resourceVersion } };
}

async function count(
  { storage, clock }: ServerParts,
  budgets: Resource,
  { metadata }: KubeObject,
  podName: string,
  dryRun: boolean,
): Promise<void> {
  const key = objectKey(budgets, metadata.namespace ?? "", metadata.name ?? "");
  if (dryRun) {
    const current = storage.get(key);
    if (current !== undefined) checkAllowance(parseStored(current.value));
    return;
  }
  await storage.write(key, (current) => {
    if (current === undefined) return { type: "none" };
    const budget = parseStored(current.value);
    checkAllowance(budget);
    const now = formatTime(clock.now());
    const allowed = budget["status"].disruptionsAllowed - 1;
    budget["status"] = {
      ...budget["status"],
      disruptionsAllowed: allowed,
      disruptedPods: { ...budget["status"].disruptedPods, [podName]: now },
      ...(allowed === 0 ? { conditions: usedUp(budget, now) } : {}),
    };
    return {
      type: "put",
      ...storedAttributes(budgets, budget),
      encode: (revision) => encodeStored(budget, revision),
    };
  });
}

function usedUp({ status: { conditions = [], observedGeneration = 0 } }: KubeObject, now: string): Condition[] {
  const old: Condition | undefined = conditions.find(({ type }: Condition) => type === "DisruptionAllowed");
  const condition: Condition = {
    type: "DisruptionAllowed",
    status: "False",
    observedGeneration,
    lastTransitionTime: (old?.status === "False" ? old.lastTransitionTime : undefined) ?? now,
    reason: "InsufficientPods",
    message: "",
  };
  return [...conditions.filter((each: Condition) => each !== old), condition];
}

/** Throws when no pod of the budget may go now. */
function checkAllowance(budget: KubeObject): void {
  const { metadata } = budget;
  const name = metadata.name ?? "";
  const state = budget["status"] ?? {};
  const resource = { group: "policy", resource: "poddisruptionbudget" };
  if ((state.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    throw refusal(10, `The disruption budget ${name} is still being processed by the server.`);
  }
  const allowed: number = state.disruptionsAllowed ?? 0;
  if (allowed < 0) throw status.forbidden(resource, name, "pdb disruptions allowed is negative");
  if (Object.keys(state.disruptedPods ?? {}).length > maxDisruptedPods) {
    const reason = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
    throw status.forbidden(resource, name, reason);
  }
  if (allowed === 0) throw refusal(0, whyNot(name, state));
}

function whyNot(
  name: string,
  { conditions = [], currentHealthy = 0, desiredHealthy = 0 }: KubeObject["status"],
): string {
  const condition = (conditions as Condition[]).find(({ type }) => type === "DisruptionAllowed");
  const said = condition?.status === "False" && condition.message ? condition : undefined;
  const start = `The disruption budget ${name} does not allow evicting pods currently`;
  if (said?.reason === "SyncFailed") return `${start} because it failed sync: ${said.message}`;
  if (currentHealthy <= desiredHealthy) {
    return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  }
  return said === undefined ? start : `${start} (${said.reason}): ${said.message}`;
}

function refusal(retryAfterSeconds: number, message: string): StatusError {
  const error = status.tooManyRequests(
    "Cannot evict pod as it would violate the pod's disruption budget.",
    retryAfterSeconds,
  );
  error.status.details = { ...error.status.details, causes: [{ reason: "DisruptionBudget", message }] };
  return error;
}
