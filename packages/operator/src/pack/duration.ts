const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds of a Go duration: "10m", "1h30m", "500ms"; undefined for what is none or negative.
 * Behaviour: Go's time.ParseDuration.
 */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (
    text.length > 64 ||
    !/^\+?(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$/.test(text)
  )
    return undefined;
  let totalMs = 0;
  for (const [, number, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    totalMs += Number(number) * (unitsMs[unit as string] as number);
  }
  return totalMs;
}
