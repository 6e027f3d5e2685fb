import type { RunPlace } from "./run-order.ts";

/** [tenant, phase, -at, name]: LMDB sorts numbers up, and the newest is to come first. */
export type PhaseKey = [tenant: string, phase: string, negativeAt: number, name: string];

/** The places of several ordered ranges, one per phase, in one order. */
export function* mergedPlaces(ranges: readonly Iterator<{ key: PhaseKey }>[]): Generator<RunPlace, void, undefined> {
  const heads = ranges.map((range) => range.next());
  try {
    for (;;) {
      let best = -1;
      let bestKey: PhaseKey | undefined;
      for (const [index, head] of heads.entries()) {
        if (head.done === true || (bestKey !== undefined && !isBefore(head.value.key, bestKey))) continue;
        [best, bestKey] = [index, head.value.key];
      }
      if (bestKey === undefined) return;
      heads[best] = (ranges[best] as Iterator<{ key: PhaseKey }>).next();
      yield { at: -bestKey[2], name: bestKey[3] };
    }
  } finally {
    for (const range of ranges) range.return?.();
  }
}

function isBefore([, , atA, nameA]: PhaseKey, [, , atB, nameB]: PhaseKey): boolean {
  return atA !== atB ? atA < atB : nameA < nameB;
}
