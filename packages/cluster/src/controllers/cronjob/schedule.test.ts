import { expect, test } from "vitest";
import type { CronJob } from "./cron-job.ts";
import { formatInZone, mostRecentTime, nextLookMs, parseSchedule } from "./schedule.ts";

const at = (text: string): number => Date.parse(text);

test.each<[schedule: string, zone: string | undefined, after: string, next: string | undefined]>([
  ["* * * * *", undefined, "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"],
  ["*/15 9-17 * * MON-FRI", undefined, "2026-01-02T17:46:00Z", "2026-01-05T09:00:00Z"],
  ["30 3 * * *", "Europe/Berlin", "2026-01-01T12:00:00Z", "2026-01-02T02:30:00Z"],
  ["TZ=America/New_York 0 0 * * *", undefined, "2026-07-01T12:00:00Z", "2026-07-02T04:00:00Z"],
  ["0 0 13 * FRI", undefined, "2026-01-02T12:00:00Z", "2026-01-09T00:00:00Z"],
  ["@hourly", undefined, "2026-01-01T00:30:00Z", "2026-01-01T01:00:00Z"],
  ["@every 1h30m", undefined, "2026-01-01T00:30:00Z", "2026-01-01T02:00:00Z"],
  ["59 23 31 2 *", undefined, "2026-01-01T00:00:00Z", undefined],
])("%s in %s after %s is due at %s", (text, zone, after, next) => {
  expect(parseSchedule(text, zone).next(at(after))).toBe(next && at(next));
});

function cronJob(created: string, spec: Partial<CronJob["spec"]> = {}): CronJob {
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "c", creationTimestamp: created },
    spec: { schedule: "0 * * * *", ...spec } as CronJob["spec"],
  };
}
const hourly = parseSchedule("0 * * * *", undefined);

test.each<[now: string, due: string | undefined, missed: string]>([
  ["2026-01-01T00:59:00Z", undefined, "none"],
  ["2026-01-01T01:00:01Z", "2026-01-01T01:00:00Z", "none"],
  ["2026-01-01T05:30:00Z", "2026-01-01T05:00:00Z", "few"],
  ["2026-01-09T05:30:00Z", "2026-01-09T05:00:00Z", "many"],
])("of the times until %s, the last is %s, and it missed %s", (now, due, missed) => {
  const recent = mostRecentTime(cronJob("2026-01-01T00:00:00Z"), hourly, at(now), true);
  expect(recent.dueMs).toBe(due && at(due));
  expect(recent.missed).toBe(missed);
});

test("a starting deadline forgets what is too long ago", () => {
  const patient = cronJob("2026-01-01T00:00:00Z", { startingDeadlineSeconds: 600 });
  expect(mostRecentTime(patient, hourly, at("2026-01-09T05:05:00Z"), true)).toMatchObject({
    dueMs: at("2026-01-09T05:00:00Z"),
    missed: "none",
  });
  expect(mostRecentTime(patient, hourly, at("2026-01-09T05:15:00Z"), true).dueMs).toBeUndefined();
});

test("the next look is a moment after the next time; a schedule that never comes is an error", () => {
  const created = cronJob("2026-01-01T00:00:00Z");
  expect(nextLookMs(created, hourly, at("2026-01-01T00:30:00Z"))).toBe(1_800_100);
  const never = parseSchedule("59 23 31 2 *", undefined);
  expect(() => mostRecentTime(created, never, at("2026-01-02T00:00:00Z"), true)).toThrow("less than 1 second");
  expect(nextLookMs(created, never, at("2026-01-02T00:00:00Z"))).toBeUndefined();
});

test("times are told in their zone", () => {
  expect(formatInZone(at("2026-07-01T12:00:00Z"))).toBe("2026-07-01T12:00:00Z");
  expect(formatInZone(at("2026-07-01T12:00:00Z"), "Europe/Berlin")).toBe("2026-07-01T14:00:00+02:00");
  expect(formatInZone(at("2026-01-01T23:30:00Z"), "Asia/Kolkata")).toBe("2026-01-02T05:00:00+05:30");
});
