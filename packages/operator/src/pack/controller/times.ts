import { parseDurationMs } from "../duration.ts";
import type { Pack } from "../pack.ts";

/** Of one helm action. */
export function timeoutOf(pack: Pack): number {
  return Math.max(1_000, parseDurationMs(pack.spec.timeout ?? "5m") ?? 300_000);
}

/** Between looks for a newer chart and for drift. */
export function intervalOf(pack: Pack): number {
  return Math.max(1_000, parseDurationMs(pack.spec.interval ?? "10m") ?? 600_000);
}
