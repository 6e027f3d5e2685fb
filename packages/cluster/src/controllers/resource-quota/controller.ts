import {
  addResources,
  type Evaluator,
  equalResources,
  evaluatorFor,
  isInScopes,
  maskResources,
  type ResourceList,
} from "@podwright/apiserver";
import { type Informer, objectKey, type ResourceRef, resourceQuotas, splitKey, WorkQueue } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { type Controller, type ControllerContext, reportTo } from "../controller.ts";

/** How often each quota is counted anew, whatever is seen: admission charges for what then fails. */
const resyncMs = 5 * 60_000;

/**
 * Keeps the status of quotas: what is allowed, as the spec says, and what is used, counted anew when something goes or
 * changes; admission adds what comes (k8s.io/kubernetes/pkg/controller/resourcequota/resource_quota_controller.go).
 */
export function createResourceQuotaController(context: ControllerContext): Controller {
  const { client, clock, informers, logger } = context;
  const quotas = informers.for(resourceQuotas);
  /** What is counted, by "plural.group": followed from when a quota counts it. */
  const followed = new Map<string, { evaluator: Evaluator; informer: Informer }>();
  const queue = new WorkQueue({
    reconcile: (key) => reconcile(key),
    concurrency: 5,
    clock,
    onError: reportTo(logger, "resourcequota"),
  });

  quotas.onChange({
    added: (quota) => queue.add(objectKey(quota)),
    // Usage is admission's to write, and this controller's.
    updated: (quota, old) => {
      if (JSON.stringify(quota["spec"]) !== JSON.stringify(old["spec"])) queue.add(objectKey(quota));
    },
  });

  const replenish = (evaluator: Evaluator, object: KubeObject): void => {
    for (const quota of quotas.list()) {
      if (quota.metadata.namespace !== object.metadata.namespace) continue;
      if (evaluator.matching(Object.keys(quota["status"]?.hard ?? {})).length > 0) queue.add(objectKey(quota));
    }
  };

  const follow = async (ref: ResourceRef) => {
    const name = `${ref.resource}.${ref.group}`;
    let entry = followed.get(name);
    if (entry === undefined) {
      const evaluator = evaluatorFor(ref.group, ref.resource);
      const informer = informers.for(ref);
      entry = { evaluator, informer };
      followed.set(name, entry);
      const usage = (object: KubeObject): string => JSON.stringify(evaluator.usage(object, clock.now()));
      informer.onChange({
        updated(object, old) {
          if (usage(object) !== usage(old)) replenish(evaluator, object);
        },
        deleted: (object) => replenish(evaluator, object),
      });
    }
    await entry.informer.synced();
    return entry;
  };

  const reconcile = async (key: string) => {
    const { name, namespace = "" } = splitKey(key);
    const quota = quotas.get(name, namespace);
    if (quota === undefined) return;
    const hard = (quota["spec"]?.hard ?? {}) as ResourceList;
    const status = (quota["status"] ?? {}) as { hard?: ResourceList; used?: ResourceList };
    const counted = await count(quota, Object.keys(hard));
    const used = maskResources({ ...status.used, ...counted }, Object.keys(hard));
    const isCurrent =
      status.hard !== undefined &&
      status.used !== undefined &&
      equalResources(hard, status.hard) &&
      equalResources(used, status.used);
    // With the version it was read at: what admission has charged meanwhile must not be lost.
    if (!isCurrent) await client.resource(resourceQuotas).updateStatus({ ...quota, status: { hard, used } });
    return { requeueAfterMs: resyncMs };
  };

  const count = async (quota: KubeObject, names: readonly string[]): Promise<ResourceList> => {
    let used: ResourceList = {};
    for (const ref of await countedBy(names)) {
      const { evaluator, informer } = await follow(ref);
      const matching = evaluator.matching(names);
      for (const name of matching) used[name] ??= "0";
      for (const object of informer.list()) {
        if (object.metadata.namespace !== quota.metadata.namespace || !isInScopes(evaluator, quota, object)) continue;
        used = addResources(used, maskResources(evaluator.usage(object, clock.now()), matching));
      }
    }
    return used;
  };

  /** The resources whose objects a quota with these names counts. */
  const countedBy = async (names: readonly string[]): Promise<ResourceRef[]> => {
    const all = await client.resources();
    const refs = new Map<string, ResourceRef>();
    for (const ref of all) {
      if (!ref.namespaced || refs.has(`${ref.resource}.${ref.group}`)) continue;
      if (evaluatorFor(ref.group, ref.resource).matching(names).length > 0)
        refs.set(`${ref.resource}.${ref.group}`, ref);
    }
    return [...refs.values()];
  };

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}
