import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface IdleMemoryOptions {
  /** How often it is looked whether there is nothing to do. Default 10 s. */
  everyMs?: number;
  /** How much the heap has to have grown since the last time. Default 16 MB. */
  worthBytes?: number;
}

/** Of the event loop's time: below it a process is idle. */
const idleShare = 0.05;

/**
 * Collects garbage when the process has come to rest. V8 does when it needs room: a process that does nothing keeps
 * what its busiest time left behind, 50 MB and more after the start of some pods.
 */
export function giveBackWhenIdle(options: IdleMemoryOptions = {}): { stop(): void } {
  const { everyMs = 10_000, worthBytes = 16 << 20 } = options;
  let before = performance.eventLoopUtilization();
  let leftBytes = 0;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (utilization > idleShare || getHeapStatistics().used_heap_size < leftBytes + worthBytes) return;
    collector()();
    leftBytes = getHeapStatistics().used_heap_size;
  }, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** V8's own, which it shows only when it is told to: contexts that are made meanwhile have it. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  try {
    return runInNewContext("gc");
  } finally {
    setFlagsFromString("--no-expose-gc");
  }
}
