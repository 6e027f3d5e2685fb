import type { Pod } from "../../kinds.ts";
import { finishedAtMs } from "./job-pods.ts";

const firstMs = 10_000;
const longestMs = 600_000;

/** Failures of a Job's pods since one last succeeded (k8s.io/kubernetes/pkg/controller/job/backoff_utils.go). */
export interface FailureStreak {
  failures: number;
  lastFailureMs: number;
}

/** The streak after pods that have ended since it was taken. */
export function continueStreak(
  streak: FailureStreak | undefined,
  succeeded: readonly Pod[],
  failed: readonly Pod[],
): FailureStreak | undefined {
  const failures = failed.map(finishedAtMs);
  if (succeeded.length === 0) {
    if (failures.length === 0) return streak;
    return { failures: (streak?.failures ?? 0) + failures.length, lastFailureMs: Math.max(...failures) };
  }
  const lastSuccessMs = Math.max(...succeeded.map(finishedAtMs));
  const later = failures.filter((atMs) => atMs > lastSuccessMs);
  return later.length === 0 ? undefined : { failures: later.length, lastFailureMs: Math.max(...later) };
}

/** How long a replacement still has to wait: 10 s after the first failure, doubling to 10 min. */
export function remainingMs(streak: FailureStreak | undefined, nowMs: number): number {
  if (streak === undefined || streak.failures === 0) return 0;
  const waitMs = Math.min(firstMs * 2 ** (streak.failures - 1), longestMs);
  return Math.max(0, streak.lastFailureMs + waitMs - nowMs);
}
