import type { Clock } from "@podwright/client";
import type { LiveRuns } from "./live-runs.ts";
import type { Records } from "./records.ts";
import { isFinished, type Run } from "./run.ts";

/** Why the service itself deleted a run, by the uid of its object. */
export type DeletionReasons = Map<string, { reason: string; message: string }>;

/** Writes down what becomes of runs. */
export function recordHistory(live: LiveRuns, records: Records, reasons: DeletionReasons, clock: Clock): void {
  live.onChange((now, before) => {
    if (now === undefined) {
      if (before !== undefined) records.finish(endOf(before.run, reasons, clock));
      return;
    }
    const was = before?.object.metadata.uid === now.object.metadata.uid ? before : undefined;
    if (!isFinished(now.run.phase)) {
      if (was === undefined) records.began(now.run);
    } else if (was === undefined || JSON.stringify(was.run) !== JSON.stringify(now.run)) records.finish(now.run);
  });
}

/** Runs that were under way when the service went away, and are not there any more. Call it when all is known. */
export function recordLost(live: LiveRuns, records: Records, clock: Clock): number {
  let lost = 0;
  for (const run of [...records.unfinished()]) {
    if (live.get(run.tenant, run.name) !== undefined) continue;
    lost++;
    records.finish({ ...run, phase: "Lost", finishedAt: new Date(clock.now()).toISOString() });
  }
  return lost;
}

function endOf(run: Run, reasons: DeletionReasons, clock: Clock): Run {
  const why = reasons.get(run.uid ?? "");
  reasons.delete(run.uid ?? "");
  if (isFinished(run.phase)) return run;
  return {
    ...run,
    phase: "Deleted",
    reason: why?.reason ?? "Deleted",
    ...(why === undefined ? {} : { message: why.message }),
    finishedAt: new Date(clock.now()).toISOString(),
  };
}
