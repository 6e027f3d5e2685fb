/** When a CronJob is due (k8s.io/kubernetes/pkg/controller/cronjob/utils.go). */
import { Cron } from "croner";
import type { CronJob } from "./cron-job.ts";

export interface Schedule {
  /** The first time after that one; undefined when there is none. All in milliseconds. */
  next(afterMs: number): number | undefined;
}

/** Later than due by this much, so that clocks that differ a little do not matter. */
const paddingMs = 100;
const manyMissed = 100;

/**
 * Reads a schedule as spec.schedule and spec.timeZone give it: five fields, "@hourly" and its like, "@every 1h30m",
 * with "TZ=…" or "CRON_TZ=…" in front. Throws when it is none.
 */
export function parseSchedule(text: string, timeZone: string | undefined): Schedule {
  const match = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/s.exec(text.trim());
  const pattern = (match?.[2] ?? text).trim();
  const zone = match?.[1] ?? timeZone ?? "UTC";
  if (pattern.startsWith("@every ")) return everySchedule(durationMs(pattern.slice("@every ".length)));
  const cron = new Cron(descriptors[pattern] ?? pattern, { timezone: zone, mode: "5-part", paused: true });
  return { next: (afterMs) => cron.nextRun(new Date(afterMs))?.getTime() };
}

const descriptors: Record<string, string> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

function everySchedule(everyMs: number): Schedule {
  const wholeMs = Math.max(1000, Math.floor(everyMs / 1000) * 1000);
  return { next: (afterMs) => Math.floor(afterMs / 1000) * 1000 + wholeMs };
}

const unitMs: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

function durationMs(text: string): number {
  if (!/^(\d+(\.\d+)?(ms|h|m|s))+$/.test(text)) throw new Error(`failed to parse duration @every ${text}`);
  let total = 0;
  for (const [, number, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)) {
    total += Number(number) * (unitMs[unit] ?? 0);
  }
  return total;
}

export interface MostRecent {
  /** From when on missed times were looked for. */
  earliestMs: number;
  /** The last time that was due; undefined when none was. */
  dueMs: number | undefined;
  missed: "none" | "few" | "many";
}

/** The last time at which the CronJob was due and not yet served. Throws for schedules that never come. */
export function mostRecentTime(cronJob: CronJob, schedule: Schedule, nowMs: number, heedDeadline: boolean): MostRecent {
  const { creationTimestamp } = cronJob.metadata;
  let earliestMs = Date.parse(cronJob.status?.lastScheduleTime ?? creationTimestamp ?? "");
  const deadline = cronJob.spec.startingDeadlineSeconds;
  if (heedDeadline && deadline !== undefined) earliestMs = Math.max(earliestMs, nowMs - deadline * 1000);
  const firstMs = schedule.next(earliestMs);
  const secondMs = firstMs === undefined ? undefined : schedule.next(firstMs);
  if (firstMs === undefined || secondMs === undefined) {
    throw new Error("time difference between two schedules is less than 1 second");
  }
  if (nowMs < firstMs) return { earliestMs, dueMs: undefined, missed: "none" };
  if (nowMs < secondMs) return { earliestMs, dueMs: firstMs, missed: "none" };
  // Counted roughly, by the first interval: a cluster may have slept for years.
  const intervalMs = secondMs - firstMs;
  const count = Math.floor((nowMs - firstMs) / intervalMs) + 1;
  let dueMs: number | undefined;
  let candidateMs = schedule.next(firstMs + (count - 2) * intervalMs);
  while (candidateMs !== undefined && candidateMs <= nowMs) {
    dueMs = candidateMs;
    candidateMs = schedule.next(candidateMs);
  }
  return { earliestMs, dueMs, missed: count > manyMissed ? "many" : "few" };
}

/** Milliseconds until the CronJob is to be looked at again. */
export function nextLookMs(cronJob: CronJob, schedule: Schedule, nowMs: number): number | undefined {
  let fromMs: number;
  try {
    const { earliestMs, dueMs, missed } = mostRecentTime(cronJob, schedule, nowMs, false);
    fromMs = dueMs ?? (missed === "none" ? earliestMs : nowMs);
  } catch {
    fromMs = nowMs;
  }
  const nextMs = schedule.next(fromMs);
  return nextMs === undefined ? undefined : Math.max(0, nextMs + paddingMs - nowMs);
}

/** RFC 3339 in the CronJob's time zone: "2026-01-01T03:00:00+01:00". */
export function formatInZone(atMs: number, timeZone = "UTC"): string {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "longOffset",
  }).formatToParts(atMs);
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? "";
  const offset = part("timeZoneName").replace("GMT", "");
  const day = `${part("year")}-${part("month")}-${part("day")}`;
  return `${day}T${part("hour")}:${part("minute")}:${part("second")}${offset === "" || offset === "+00:00" ? "Z" : offset}`;
}
