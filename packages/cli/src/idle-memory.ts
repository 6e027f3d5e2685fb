import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface IdleMemoryOptions {
  /** How often it is looked whether there is nothing to do. Default 10 s. */
  everyMs?: number;
  /** How much more it has to hold than after the last time. Default 16 MB. */
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
    if (utilization > idleShare || heldBytes() < leftBytes + worthBytes) return;
    collect();
    leftBytes = heldBytes();
  }, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/**
 * What the heap has of the system's memory, and its Buffers: V8 keeps the room of its busiest time, most of it empty, so
 * that objects alone do not tell what there is to give back.
 */
function heldBytes(): number {
  const { total_physical_size, external_memory } = getHeapStatistics();
  return total_physical_size + external_memory;
}

/**
 * By V8's own function, which it shows only when it is told to: contexts that are made meanwhile have it. As a last
 * resort it gives the system what it has emptied; otherwise it keeps that for the next busy time.
 */
function collect(): void {
  setFlagsFromString("--expose-gc");
  try {
    runInNewContext("gc")({ type: "major", flavor: "last-resort" });
  } finally {
    setFlagsFromString("--no-expose-gc");
  }
}
