/** The rules of ClusterRoles that aggregate others (k8s.io/kubernetes/pkg/controller/clusterroleaggregation). */
import { aggregatedRules, equalRules, type PolicyRule } from "@podwright/apiserver";
import { clusterRoles, WorkQueue } from "@podwright/client";
import { type Controller, type ControllerContext, reportTo } from "./controller.ts";

export function createClusterRoleAggregationController(context: ControllerContext): Controller {
  const resource = context.client.resource(clusterRoles);
  const cache = context.informers.for(clusterRoles);
  const queue = new WorkQueue({
    reconcile,
    concurrency: 5,
    clock: context.clock,
    onError: reportTo(context.logger, "clusterrole-aggregation"),
  });

  // Any role may be selected by any other: all that aggregate are looked at again.
  const enqueueAll = (): void => {
    for (const role of cache.list()) if (role["aggregationRule"] != null) queue.add(role.metadata.name ?? "");
  };
  cache.onChange({ added: enqueueAll, updated: enqueueAll, deleted: enqueueAll });

  async function reconcile(name: string): Promise<void> {
    await cache.synced();
    const role = cache.get(name);
    if (role === undefined) return;
    const rules = aggregatedRules(role, cache.list());
    if (rules === undefined || sameRules(rules, role["rules"] ?? [])) return;
    await resource.update({ ...role, rules });
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}

function sameRules(a: readonly PolicyRule[], b: readonly PolicyRule[]): boolean {
  return a.length === b.length && a.every((rule, index) => equalRules(rule, b[index] as PolicyRule));
}
