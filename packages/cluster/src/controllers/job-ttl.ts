/** Deletes Jobs some time after they have ended (k8s.io/kubernetes/pkg/controller/ttlafterfinished/ttlafterfinished_controller.go). */
import { jobs, objectKey, splitKey, WorkQueue } from "@podwright/client";
import { type Controller, type ControllerContext, isLostRace, isNotFound, reportTo } from "./controller.ts";
import { jobInformer } from "./informers.ts";
import { finishedCondition, type Job } from "./job/job.ts";

export function createJobTtlController(context: ControllerContext): Controller {
  const { client, clock } = context;
  const jobClient = client.resource<Job>(jobs);
  const jobCache = jobInformer(context.informers);
  const queue = new WorkQueue({ reconcile, concurrency: 5, clock, onError: reportTo(context.logger, "job-ttl") });
  const enqueue = (job: Job): void => {
    if (leftMs(job, clock.now()) !== undefined) queue.add(objectKey(job));
  };
  jobCache.onChange({ added: enqueue, updated: enqueue });

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const { namespace, name } = splitKey(key);
    const cached = jobCache.get(name, namespace);
    const waitMs = cached && leftMs(cached, clock.now());
    if (waitMs === undefined) return undefined;
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    try {
      // The time to live may have been changed since.
      const fresh = await jobClient.get(name, namespace);
      const leftNowMs = leftMs(fresh, clock.now());
      if (leftNowMs === undefined) return undefined;
      if (leftNowMs > 0) return { requeueAfterMs: leftNowMs };
      const { uid = "" } = fresh.metadata;
      await jobClient.delete(name, namespace, { propagationPolicy: "Foreground", preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error) && !isLostRace(error)) throw error;
    }
    return undefined;
  }

  return { start: () => queue.start(), stop: () => queue.stop() };
}

/** Milliseconds until the Job is to go; undefined when it stays. */
function leftMs(job: Job, nowMs: number): number | undefined {
  const seconds = job.spec.ttlSecondsAfterFinished;
  const finished = finishedCondition(job);
  if (seconds === undefined || finished === undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
  return Date.parse(finished.lastTransitionTime ?? "") + seconds * 1000 - nowMs;
}
