/** Starts Jobs when they are due (k8s.io/kubernetes/pkg/controller/cronjob/cronjob_controllerv2.go). */
import { cronJobs, jobs, objectKey, splitKey, WorkQueue } from "@podwright/client";
import { formatTime, type KubeObject, messageOf } from "@podwright/kube";
import { controllerOf, controllerReference } from "../../owner-references.ts";
import {
  type Controller,
  type ControllerContext,
  isAlreadyExists,
  isNamespaceTerminating,
  isNotFound,
  reportTo,
} from "../controller.ts";
import { cronJobInformer, jobInformer } from "../informers.ts";
import { finishedCondition, type Job } from "../job/job.ts";
import { RecentWrites } from "../recent-writes.ts";
import { statusPatch } from "../status-patch.ts";
import type { CronJob, CronJobStatus } from "./cron-job.ts";
import type { MostRecent, Schedule } from "./schedule.ts";

/** A CronJob while it is looked at: the status is changed in place, and written at the end. */
interface Look {
  cronJob: CronJob;
  status: CronJobStatus & { active: NonNullable<CronJobStatus["active"]> };
}

type ScheduleModule = typeof import("./schedule.ts");

export function createCronJobController(context: ControllerContext): Controller {
  const { client, recorder, clock } = context;
  const jobClient = client.resource<Job>(jobs);
  const cronJobClient = client.resource<CronJob>(cronJobs);
  const jobCache = jobInformer(context.informers);
  const cronJobCache = cronJobInformer(context.informers);
  const jobWrites = new RecentWrites(jobCache, clock);
  const cronJobWrites = new RecentWrites(cronJobCache, clock);
  const queue = new WorkQueue({ reconcile, concurrency: 5, clock, onError: reportTo(context.logger, "cronjob") });

  const enqueue = (cronJob: CronJob): void => queue.add(objectKey(cronJob));
  cronJobCache.onChange({ added: enqueue, updated: enqueue });
  jobCache.onChange({ added: enqueueOwnerOf, updated: enqueueOwnerOf, deleted: enqueueOwnerOf });

  function enqueueOwnerOf(job: Job): void {
    const controller = controllerOf(job);
    if (controller?.kind === "CronJob") queue.add(`${job.metadata.namespace}/${controller.name}`);
  }

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const { namespace, name } = splitKey(key);
    const cached = cronJobCache.get(name, namespace);
    const cronJob = cached && cronJobWrites.newest(cached);
    if (cronJob === undefined) return undefined;
    const uid = cronJob.metadata.uid ?? "";
    const children = jobWrites.merge(jobCache.by("controller", uid), (job) => controllerOf(job)?.uid === uid);
    const look: Look = { cronJob, status: { ...cronJob.status, active: [...(cronJob.status?.active ?? [])] } };
    try {
      await followJobs(look, children);
      const waitMs = await startDue(look);
      await forgetOld(look, children);
      return waitMs === undefined ? undefined : { requeueAfterMs: waitMs };
    } finally {
      await writeStatus(look);
    }
  }

  /** Brings the list of active Jobs up to date. */
  async function followJobs(look: Look, children: readonly Job[]): Promise<void> {
    const { cronJob, status } = look;
    for (const job of children) {
      const { name, uid } = job.metadata;
      const listed = status.active.some((each) => each.uid === uid);
      const finished = finishedCondition(job);
      if (finished === undefined) {
        if (listed) continue;
        const message = `Saw a job that the controller did not create or forgot: ${name}`;
        recorder.event(cronJob, "Warning", "UnexpectedJob", message);
        continue;
      }
      if (listed) {
        forget(status, uid);
        const message = `Saw completed job: ${name}, condition: ${finished.type}`;
        recorder.event(cronJob, "Normal", "SawCompletedJob", message);
      }
      const endedAt = job.status?.completionTime;
      if (finished.type !== "Complete" || endedAt === undefined) continue;
      if (status.lastSuccessfulTime === undefined || endedAt > status.lastSuccessfulTime) {
        status.lastSuccessfulTime = endedAt;
      }
    }
    const known = new Set(children.map(({ metadata }) => metadata.uid));
    for (const { name = "", namespace, uid } of [...status.active]) {
      if (known.has(uid) || (await findJob(name, namespace)) !== undefined) continue;
      recorder.event(cronJob, "Normal", "MissingJob", `Active job went missing: ${name}`);
      forget(status, uid);
    }
  }

  /** Starts the Job that is due, if one is. Gives the milliseconds until the next. */
  async function startDue(look: Look): Promise<number | undefined> {
    const { cronJob, status } = look;
    const { spec } = cronJob;
    if (cronJob.metadata.deletionTimestamp !== undefined) return undefined;
    if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone)) {
      const message = `invalid timeZone: ${JSON.stringify(spec.timeZone)}: unknown time zone ${spec.timeZone}`;
      recorder.event(cronJob, "Warning", "UnknownTimeZone", message);
      return undefined;
    }
    if (spec.suspend === true) return undefined;
    const module = await import("./schedule.ts");
    const schedule = readSchedule(module, cronJob);
    if (schedule === undefined) return undefined;
    const nowMs = clock.now();
    const recent = recentTime(module, cronJob, schedule, nowMs);
    if (recent === undefined) return undefined;
    const next = (): number | undefined => module.nextLookMs({ ...cronJob, status }, schedule, nowMs);
    const { dueMs } = recent;
    if (dueMs === undefined) return next();
    if (recent.missed === "many") {
      const advice = "Set or decrease .spec.startingDeadlineSeconds or check clock skew";
      recorder.event(cronJob, "Warning", "TooManyMissedTimes", `too many missed start times. ${advice}`);
    }
    if (spec.startingDeadlineSeconds !== undefined && dueMs + spec.startingDeadlineSeconds * 1000 < nowMs) {
      const message = `Missed scheduled time to start a job: ${formatRfc1123(dueMs)}`;
      recorder.event(cronJob, "Warning", "MissSchedule", message);
      return next();
    }
    const job = jobOf(module, cronJob, dueMs);
    const due = formatTime(dueMs);
    if (status.active.some(({ name }) => name === job.metadata.name) || status.lastScheduleTime === due) return next();
    if (spec.concurrencyPolicy === "Forbid" && status.active.length > 0) {
      const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
      recorder.event(cronJob, "Normal", "JobAlreadyActive", message);
      return next();
    }
    if (spec.concurrencyPolicy === "Replace") {
      for (const { name = "", namespace } of [...status.active]) {
        const running = await findJob(name, namespace);
        if (running !== undefined) await deleteJob(look, running);
      }
    }
    const started = await createJob(look, job);
    if (started === undefined) return next();
    const { name = "", namespace = "", uid = "", resourceVersion = "" } = started.metadata;
    status.active.push({ apiVersion: "batch/v1", kind: "Job", name, namespace, resourceVersion, uid });
    status.lastScheduleTime = due;
    return next();
  }

  function readSchedule({ parseSchedule }: ScheduleModule, cronJob: CronJob): Schedule | undefined {
    const { schedule: text, timeZone } = cronJob.spec;
    if (text.includes("TZ")) {
      const message = `CRON_TZ or TZ used in schedule ${JSON.stringify(text)} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`;
      recorder.event(cronJob, "Warning", "UnsupportedSchedule", message);
    }
    try {
      return parseSchedule(text, timeZone);
    } catch (error) {
      const message = `unparseable schedule: ${JSON.stringify(text)} : ${messageOf(error)}`;
      recorder.event(cronJob, "Warning", "UnparseableSchedule", message);
      return undefined;
    }
  }

  function recentTime(
    { mostRecentTime }: ScheduleModule,
    cronJob: CronJob,
    schedule: Schedule,
    nowMs: number,
  ): MostRecent | undefined {
    try {
      return mostRecentTime(cronJob, schedule, nowMs, true);
    } catch (error) {
      const message = `invalid schedule: ${cronJob.spec.schedule} : ${messageOf(error)}`;
      recorder.event(cronJob, "Warning", "InvalidSchedule", message);
      return undefined;
    }
  }

  /** Undefined when there is nothing to add to the active Jobs. */
  async function createJob({ cronJob, status }: Look, job: KubeObject): Promise<Job | undefined> {
    const { name = "", namespace } = job.metadata;
    try {
      const created = await jobClient.create(job as Job);
      jobWrites.wrote(created);
      recorder.event(cronJob, "Normal", "SuccessfulCreate", `Created job ${name}`);
      return created;
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      if (!isAlreadyExists(error)) {
        recorder.event(cronJob, "Warning", "FailedCreate", `Error creating job: ${messageOf(error)}`);
        throw error;
      }
      // Made before, and the status was not written: or it is somebody else's.
      const present = await findJob(name, namespace);
      if (present === undefined || controllerOf(present)?.uid !== cronJob.metadata.uid) return undefined;
      return status.active.some(({ uid }) => uid === present.metadata.uid) ? undefined : present;
    }
  }

  /** Keeps as many finished Jobs as the history limits say. */
  async function forgetOld(look: Look, children: readonly Job[]): Promise<void> {
    const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = look.cronJob.spec;
    const limits = [
      { type: "Complete", limit: successfulJobsHistoryLimit },
      { type: "Failed", limit: failedJobsHistoryLimit },
    ];
    for (const { type, limit } of limits) {
      if (limit === undefined) continue;
      const finished = children.filter((job) => finishedCondition(job)?.type === type).sort(byStart);
      for (const job of finished.slice(0, Math.max(0, finished.length - limit))) {
        if (job.metadata.deletionTimestamp === undefined) await deleteJob(look, job);
      }
    }
  }

  async function deleteJob({ cronJob, status }: Look, job: Job): Promise<void> {
    const { name = "", namespace, uid } = job.metadata;
    try {
      await jobClient.delete(name, namespace, { propagationPolicy: "Background" });
    } catch (error) {
      if (!isNotFound(error)) {
        recorder.event(cronJob, "Warning", "FailedDelete", `Deleted job: ${messageOf(error)}`);
        throw error;
      }
    }
    jobWrites.deleted(job);
    forget(status, uid);
    recorder.event(cronJob, "Normal", "SuccessfulDelete", `Deleted job ${name}`);
  }

  async function findJob(name: string, namespace: string | undefined): Promise<Job | undefined> {
    return jobClient.get(name, namespace).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  async function writeStatus({ cronJob, status }: Look): Promise<void> {
    const { active, ...rest } = status;
    const patch = statusPatch(cronJob.status, { ...rest, ...(active.length > 0 ? { active } : {}) });
    if (patch === undefined) return;
    const { name = "", namespace, uid, resourceVersion } = cronJob.metadata;
    const locked = { metadata: { uid, resourceVersion }, ...patch };
    const written = await cronJobClient.patch(name, namespace, locked, { type: "merge", subresource: "status" });
    cronJobWrites.wrote(written);
  }

  return { start: () => queue.start(), stop: () => queue.stop() };
}

/** The Job of the time that is due. Its name is the same however often it is tried. */
function jobOf({ formatInZone }: ScheduleModule, cronJob: CronJob, dueMs: number): KubeObject {
  const { metadata, spec } = cronJob.spec.jobTemplate;
  const { labels, annotations } = metadata ?? {};
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: `${cronJob.metadata.name}-${Math.floor(dueMs / 60_000)}`,
      namespace: cronJob.metadata.namespace ?? "",
      ...(labels ? { labels: { ...labels } } : {}),
      annotations: {
        ...annotations,
        "batch.kubernetes.io/cronjob-scheduled-timestamp": formatInZone(dueMs, cronJob.spec.timeZone),
      },
      ownerReferences: [controllerReference(cronJob)],
    },
    spec: structuredClone(spec),
  };
}

function forget(status: Look["status"], uid: string | undefined): void {
  status.active = status.active.filter((each) => each.uid !== uid);
}

function byStart(a: Job, b: Job): number {
  const [startA, startB] = [a.status?.startTime ?? "~", b.status?.startTime ?? "~"];
  if (startA !== startB) return startA < startB ? -1 : 1;
  return (a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** "Thu, 01 Jan 2026 03:00:00 UTC" */
function formatRfc1123(atMs: number): string {
  return new Date(atMs).toUTCString().replace("GMT", "UTC");
}
