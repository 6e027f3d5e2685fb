/** Keeps the pods of StatefulSets, each with its name and its storage (k8s.io/kubernetes/pkg/controller/statefulset). */
import { objectKey, statefulSets, WorkQueue } from "@podwright/client";
import { controllerOf } from "../../owner-references.ts";
import { claim } from "../claim.ts";
import { type Controller, type ControllerContext, isNamespaceTerminating, reportTo } from "../controller.ts";
import { RevisionHistory } from "../controller-revisions.ts";
import { claimInformer, controllerRevisionInformer, podInformer, statefulSetInformer } from "../informers.ts";
import { enqueueOwners, selectorOf } from "../owners.ts";
import { nextAvailabilityMs, PodWriter } from "../pod-writer.ts";
import { RecentWrites } from "../recent-writes.ts";
import { writeStatus } from "../status-patch.ts";
import { isMember, ordinalOf, revisionOf } from "./identity.ts";
import { Members } from "./members.ts";
import { type Revisions, runPass } from "./pass.ts";
import type { StatefulSet } from "./stateful-set.ts";
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

  enqueueOwners({ owners: setCache, kind: "StatefulSet", owned: podCache, queue, mayTakeIn: isMember });
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

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const set = setWrites.get(key);
    if (set === undefined) return undefined;

    const selector = selectorOf(set);
    const { name = "", namespace } = set.metadata;
    const fresh = (): Promise<StatefulSet> => setClient.get(name, namespace);
    const revisions = await history.list(set, selector, fresh);
    const candidates = podWriter.known(set).filter((pod) => controllerOf(pod) !== undefined || isMember(set, pod));
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
    const { conditions } = set.status ?? {};
    const wanted = { ...completedStatus(set, status), ...(conditions ? { conditions } : {}) };
    await writeStatus(setClient, setWrites, set, wanted);
    const live = new Set([current, update].map(({ metadata }) => metadata.name));
    for (const pod of pods) live.add(revisionOf(pod));
    await history.truncate(set, revisions, ({ metadata }) => live.has(metadata.name));
    if (failure !== undefined && !isNamespaceTerminating(failure)) throw failure;
    const nextMs = nextAvailabilityMs(pods, set.spec.minReadySeconds ?? 0, nowMs);
    return nextMs === undefined ? undefined : { requeueAfterMs: nextMs };
  }

  return queue;
}
