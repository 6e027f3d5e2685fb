/** Keeps the pods of StatefulSets, each with its name and its storage (k8s.io/kubernetes/pkg/controller/statefulset). */
import { objectKey, splitKey, statefulSets, WorkQueue } from "@podwright/client";
import { type LabelSelector, labelSelectorFromObject } from "@podwright/kube";
import type { Pod } from "../../kinds.ts";
import { controllerOf } from "../../owner-references.ts";
import { claim } from "../claim.ts";
import { type Controller, type ControllerContext, isNamespaceTerminating, reportTo } from "../controller.ts";
import { RevisionHistory } from "../controller-revisions.ts";
import { claimInformer, controllerRevisionInformer, podInformer, statefulSetInformer } from "../informers.ts";
import { nextAvailabilityMs, PodWriter } from "../pod-writer.ts";
import { RecentWrites } from "../recent-writes.ts";
import { statusPatch } from "../status-patch.ts";
import { isMember, ordinalOf, revisionOf } from "./identity.ts";
import { Members } from "./members.ts";
import { type Revisions, runPass } from "./pass.ts";
import type { StatefulSet, StatefulSetStatus } from "./stateful-set.ts";
import { completedStatus } from "./status.ts";

export function createStatefulSetController(context: ControllerContext): Controller {
  const { client, recorder, clock } = context;
  const setClient = client.resource<StatefulSet>(statefulSets);
  const podCache = podInformer(context.informers);
  const setCache = statefulSetInformer(context.informers);
  const claims = claimInformer(context.informers);
  const podWriter = new PodWriter(client, podCache, clock);
  const setWrites = new RecentWrites(setCache, clock);
  const history = new RevisionHistory(client, controllerRevisionInformer(context.informers), clock);
  const members = new Members({ client, pods: podWriter, claims, recorder, clock });
  const queue = new WorkQueue({ reconcile, concurrency: 5, clock, onError: reportTo(context.logger, "statefulset") });

  setCache.onChange({
    added: (set) => queue.add(objectKey(set)),
    updated: (set) => queue.add(objectKey(set)),
  });
  podCache.onChange({
    added: enqueueOwnerOf,
    updated: (pod, old) => {
      enqueueOwnerOf(pod);
      if (controllerOf(old)?.uid !== controllerOf(pod)?.uid) enqueueOwnerOf(old);
    },
    deleted: enqueueOwnerOf,
  });
  // A pod may have to wait until the claim of its predecessor is gone.
  claims.onChange({
    deleted: ({ metadata: { name = "", namespace = "" } }) => {
      for (const set of setCache.by("namespace", namespace)) {
        const templates = set.spec.volumeClaimTemplates ?? [];
        if (templates.some(({ metadata }) => name.startsWith(`${metadata.name}-${set.metadata.name}-`))) {
          queue.add(objectKey(set));
        }
      }
    },
  });

  function enqueueOwnerOf(pod: Pod): void {
    const controller = controllerOf(pod);
    if (controller !== undefined) {
      if (controller.kind === "StatefulSet") queue.add(`${pod.metadata.namespace}/${controller.name}`);
      return;
    }
    for (const set of setCache.by("namespace", pod.metadata.namespace ?? "")) {
      if (isMember(set, pod) && selectorOf(set).matches(pod.metadata.labels ?? {})) queue.add(objectKey(set));
    }
  }

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const { namespace, name } = splitKey(key);
    const cached = setCache.get(name, namespace);
    const set = cached && setWrites.newest(cached);
    if (set === undefined) return undefined;

    const selector = selectorOf(set);
    const fresh = (): Promise<StatefulSet> => setClient.get(name, namespace);
    const revisions = await history.list(set, selector, fresh);
    const candidates = podWriter
      .known(set.metadata.uid ?? "", namespace ?? "")
      .filter((pod) => controllerOf(pod) !== undefined || isMember(set, pod));
    const pods = await claim(set, selector, candidates, podWriter.client, fresh);

    const { revision: update, collisionCount } = await history.current(set, revisions);
    const current = revisions.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
    const shown: Revisions = { current, update, collisionCount };
    const nowMs = clock.now();
    const { status, failure } = await runPass({
      set,
      pods: pods.filter((pod) => ordinalOf(pod) >= 0),
      revisions: shown,
      members,
      nowMs,
    });
    await writeStatus(set, status);
    const live = new Set([current, update].map(({ metadata }) => metadata.name));
    for (const pod of pods) live.add(revisionOf(pod));
    await history.truncate(set, revisions, ({ metadata }) => live.has(metadata.name));
    if (failure !== undefined && !isNamespaceTerminating(failure)) throw failure;
    const nextMs = nextAvailabilityMs(pods, set.spec.minReadySeconds ?? 0, nowMs);
    return nextMs === undefined ? undefined : { requeueAfterMs: nextMs };
  }

  async function writeStatus(set: StatefulSet, status: StatefulSetStatus): Promise<void> {
    const { name = "", namespace, uid } = set.metadata;
    const conditions = set.status?.conditions;
    const patch = statusPatch(set.status, { ...completedStatus(set, status), ...(conditions ? { conditions } : {}) });
    if (patch === undefined) return;
    const options = { type: "merge", subresource: "status" } as const;
    const written = await setClient.patch(name, namespace, { metadata: { uid }, ...patch }, options);
    setWrites.wrote(written, setCache.get(name, namespace));
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}

function selectorOf(set: StatefulSet): LabelSelector {
  return labelSelectorFromObject(set.spec.selector);
}
