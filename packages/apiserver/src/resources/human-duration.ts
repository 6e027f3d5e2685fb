const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * A duration with two or three significant figures, as ages are shown in tables: "59s", "4m5s", "3h7m", "2d1h", "400d".
 * (k8s.io/apimachinery/pkg/util/duration/duration.go, HumanDuration)
 *
 * @param durationMs a clock that is up to two seconds behind still reads as "0s".
 */
export function humanDuration(durationMs: number): string {
  if (durationMs <= -2 * second) return "<invalid>";
  if (durationMs < 0) return "0s";
  if (durationMs < 2 * minute) return `${whole(durationMs, second)}s`;
  if (durationMs < 10 * minute) return withRest(whole(durationMs, minute), "m", whole(durationMs, second) % 60, "s");
  if (durationMs < 3 * hour) return `${whole(durationMs, minute)}m`;
  if (durationMs < 8 * hour) return withRest(whole(durationMs, hour), "h", whole(durationMs, minute) % 60, "m");
  if (durationMs < 2 * day) return `${whole(durationMs, hour)}h`;
  if (durationMs < 8 * day) return withRest(whole(durationMs, day), "d", whole(durationMs, hour) % 24, "h");
  if (durationMs < 2 * 365 * day) return `${whole(durationMs, day)}d`;
  const years = whole(durationMs, 365 * day);
  return years < 8 ? withRest(years, "y", whole(durationMs, day) % 365, "d") : `${years}y`;
}

/** The time from a timestamp to now, or "<unknown>" when there is no timestamp. */
export function ageOf(timestamp: string | null | undefined, nowMs: number): string {
  return timestamp ? humanDuration(nowMs - Date.parse(timestamp)) : "<unknown>";
}

function whole(durationMs: number, unitMs: number): number {
  return Math.floor(durationMs / unitMs);
}

function withRest(value: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${value}${unit}` : `${value}${unit}${rest}${restUnit}`;
}
