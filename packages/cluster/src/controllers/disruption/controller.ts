/** Keeps account of what PodDisruptionBudgets allow (k8s.io/kubernetes/pkg/controller/disruption/disruption.go). */
import { objectKey, podDisruptionBudgets, splitKey, WorkQueue } from "@podwright/client";
import { type KubeObject, labelSelectorFromObject, type OwnerReference } from "@podwright/kube";
import type { Pod } from "../../kinds.ts";
import { controllerOf } from "../../owner-references.ts";
import { type Controller, type ControllerContext, isLostRace, isNotFound, reportTo } from "../controller.ts";
import {
  budgetInformer,
  deploymentInformer,
  podInformer,
  replicaSetInformer,
  statefulSetInformer,
} from "../informers.ts";
import { RecentWrites } from "../recent-writes.ts";
import { statusPatch } from "../status-patch.ts";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "./budget.ts";
import { budgetStatus, disruptedPods, expectation, failedStatus } from "./budget-status.ts";

export function createDisruptionController(context: ControllerContext): Controller {
  const { client, recorder, clock } = context;
  const budgetClient = client.resource<PodDisruptionBudget>(podDisruptionBudgets);
  const cache = budgetInformer(context.informers);
  const podCache = podInformer(context.informers);
  const replicaSets = replicaSetInformer(context.informers);
  const deployments = deploymentInformer(context.informers);
  const statefulSets = statefulSetInformer(context.informers);
  const writes = new RecentWrites(cache, clock);
  const queue = new WorkQueue({ reconcile, concurrency: 2, clock, onError: reportTo(context.logger, "disruption") });

  const enqueue = (budget: PodDisruptionBudget): void => queue.add(objectKey(budget));
  cache.onChange({ added: enqueue, updated: enqueue });
  const enqueueBudgetsOf = ({ metadata: { namespace = "", labels = {} } }: Pod): void => {
    for (const budget of cache.by("namespace", namespace)) if (selects(budget, labels)) enqueue(budget);
  };
  podCache.onChange({
    added: enqueueBudgetsOf,
    updated: (pod, old) => {
      enqueueBudgetsOf(pod);
      if (pod.metadata.labels !== old.metadata.labels) enqueueBudgetsOf(old);
    },
    deleted: enqueueBudgetsOf,
  });
  // Their sizes are what shares are of.
  const enqueueNamespace = ({ metadata: { namespace = "" } }: KubeObject): void => {
    for (const budget of cache.by("namespace", namespace)) enqueue(budget);
  };
  const onSize = {
    updated: (object: KubeObject, old: KubeObject) => {
      if (object["spec"].replicas !== old["spec"].replicas) enqueueNamespace(object);
    },
  };
  replicaSets.onChange(onSize);
  deployments.onChange(onSize);
  statefulSets.onChange(onSize);

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const { namespace = "", name } = splitKey(key);
    const cached = cache.get(name, namespace);
    const budget = cached && writes.newest(cached);
    if (budget === undefined) return undefined;
    try {
      const pods = podCache.by("namespace", namespace).filter(({ metadata }) => selects(budget, metadata.labels ?? {}));
      if (pods.length === 0) recorder.event(budget, "Normal", "NoPods", "No matching pods found");
      const expected = await expectation(budget, pods, () => scaleOf(budget, pods));
      const nowMs = clock.now();
      const { disrupted, recheckAfterMs } = disruptedPods(budget, pods, nowMs);
      await writeStatus(budget, budgetStatus(budget, pods, expected, disrupted, nowMs));
      return recheckAfterMs === undefined ? undefined : { requeueAfterMs: recheckAfterMs + 1 };
    } catch (error) {
      if (isLostRace(error)) throw error;
      await writeStatus(budget, failedStatus(budget, error, clock.now()));
      return undefined;
    }
  }

  /** How many pods all that control the pods want together. */
  async function scaleOf(budget: PodDisruptionBudget, pods: readonly Pod[]): Promise<number> {
    const sizes = new Map<string, number>();
    let unmanaged = false;
    for (const pod of pods) {
      const owner = controllerOf(pod);
      if (owner === undefined) unmanaged = true;
      else if (!sizes.has(owner.uid)) {
        const found = await sizeOf(owner, pod);
        if (found !== undefined) sizes.set(found.uid, found.size);
      }
    }
    if (unmanaged) {
      const message =
        'Pods selected by this PodDisruptionBudget were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.';
      recorder.event(budget, "Warning", "UnmanagedPods", message);
    }
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  async function sizeOf(owner: OwnerReference, pod: Pod): Promise<{ uid: string; size: number } | undefined> {
    const { namespace } = pod.metadata;
    if (owner.kind === "ReplicaSet") {
      const replicaSet = replicaSets.get(owner.name, namespace);
      const parent = replicaSet && controllerOf(replicaSet);
      const deployment = parent?.kind === "Deployment" ? deployments.get(parent.name, namespace) : undefined;
      const sized = deployment ?? replicaSet;
      if (sized !== undefined) return { uid: sized.metadata.uid ?? "", size: sized.spec.replicas ?? 1 };
    }
    const statefulSet = owner.kind === "StatefulSet" ? statefulSets.get(owner.name, namespace) : undefined;
    if (statefulSet !== undefined) return { uid: owner.uid, size: statefulSet.spec.replicas ?? 1 };
    const size = await scaleSubresource(owner, namespace ?? "");
    if (size === undefined) {
      throw new Error(`found no controllers for pod ${JSON.stringify(pod.metadata.name)}`);
    }
    return { uid: owner.uid, size };
  }

  /** What a controller of any other kind says of its size. */
  async function scaleSubresource(owner: OwnerReference, namespace: string): Promise<number | undefined> {
    const ref = await client.resourceFor(owner.apiVersion, owner.kind).catch(() => undefined);
    if (ref === undefined) return undefined;
    const path = `${ref.group === "" ? "/api" : `/apis/${ref.group}`}/${ref.version}/namespaces/${namespace}`;
    const scale = await client
      .request<{ spec?: { replicas?: number } }>("GET", `${path}/${ref.resource}/${owner.name}/scale`)
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
        return undefined;
      });
    return scale === undefined ? undefined : (scale.spec?.replicas ?? 0);
  }

  async function writeStatus(budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus): Promise<void> {
    if (statusPatch(budget.status, status) === undefined) return;
    // Not a patch: an eviction may have counted meanwhile, and then the numbers are others.
    const written = await budgetClient.updateStatus({ ...budget, status });
    writes.wrote(written);
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}

/** A budget without a selector selects nothing, one with an empty selector all. */
function selects({ spec }: PodDisruptionBudget, labels: Record<string, string>): boolean {
  return spec.selector !== undefined && labelSelectorFromObject(spec.selector).matches(labels);
}
