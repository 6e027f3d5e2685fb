import type { Clock } from "@podwright/client";
import type { LogLine, LogOptions } from "../../runtime.ts";
import type { CommandOutput } from "./command.ts";

export interface SimulatedLogOptions extends LogOptions {
  clock: Clock;
  startedAtMs: number;
  output: readonly CommandOutput[];
  /** Resolves with the time of the end; undefined for a container that has ended: everything it wrote is there. */
  ended: Promise<number> | undefined;
}

/**
 * What a simulated container has written. Nothing is kept of it: it follows from the command and the time of the
 * start, so it is also there after the agent was started anew.
 */
export async function* simulatedLog(options: SimulatedLogOptions): AsyncGenerator<LogLine> {
  const { clock, output, startedAtMs, ended, signal, sinceMs = 0, stream, tailLines } = options;
  const lines = linesOf(output, startedAtMs).filter(
    (line) => line.timeMs >= sinceMs && (stream === undefined || line.stream === stream),
  );
  const nowMs = ended === undefined ? Number.POSITIVE_INFINITY : clock.now();
  const written = lines.filter(({ timeMs }) => timeMs <= nowMs);
  yield* written.slice(tailLines === undefined ? 0 : Math.max(0, written.length - tailLines));
  if (!options.follow || ended === undefined) return;
  for (const line of lines.filter(({ timeMs }) => timeMs > nowMs)) {
    if (!(await reached(line.timeMs, ended, clock, signal))) return;
    yield line;
  }
  await reached(Number.POSITIVE_INFINITY, ended, clock, signal);
}

/** True when the time comes before the end and before anybody loses interest. */
async function reached(timeMs: number, ended: Promise<number>, clock: Clock, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const abort = (): void => resolve(false);
  signal.addEventListener("abort", abort, { once: true });
  const waitMs = timeMs - clock.now();
  const timer = Number.isFinite(waitMs) ? clock.after(waitMs, () => resolve(true)) : undefined;
  void ended.then((endedAtMs) => resolve(endedAtMs >= timeMs));
  try {
    return await promise;
  } finally {
    timer?.cancel();
    signal.removeEventListener("abort", abort);
  }
}

/** Whole lines, each with the time at which its end was written. */
function linesOf(output: readonly CommandOutput[], startedAtMs: number): LogLine[] {
  const lines: LogLine[] = [];
  const partial = { stdout: "", stderr: "" };
  let timeMs = startedAtMs;
  for (const { atMs, stream, text } of output) {
    timeMs = startedAtMs + atMs;
    const pieces = (partial[stream] + text).split("\n");
    partial[stream] = pieces.pop() as string;
    for (const piece of pieces) lines.push({ timeMs, stream, text: `${piece}\n` });
  }
  for (const stream of ["stdout", "stderr"] as const) {
    if (partial[stream] !== "") lines.push({ timeMs, stream, text: partial[stream] });
  }
  return lines;
}
