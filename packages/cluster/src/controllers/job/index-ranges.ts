/** Sets of completion indexes, as status.completedIndexes writes them: "0,2,3,5-9". */

/** From first to last, both included. */
export interface IndexRange {
  first: number;
  last: number;
}

/** In ascending order, without overlaps. */
export type IndexRanges = readonly IndexRange[];

/** Reads what of the text lies below `completions`; what cannot be read is left out. */
export function parseIndexes(text: string, completions: number): IndexRanges {
  const ranges: IndexRange[] = [];
  for (const part of text.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) continue;
    const first = Number(match[1]);
    if (first >= completions) break;
    append(ranges, { first, last: Math.min(Number(match[2] ?? first), completions - 1) });
  }
  return ranges;
}

export function formatIndexes(ranges: IndexRanges): string {
  return ranges
    .map(({ first, last }) => {
      if (last === first) return `${first}`;
      return last === first + 1 ? `${first},${last}` : `${first}-${last}`;
    })
    .join(",");
}

export function countIndexes(ranges: IndexRanges): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

export function hasIndex(ranges: IndexRanges, index: number): boolean {
  return ranges.some(({ first, last }) => first <= index && index <= last);
}

export function mergeRanges(a: IndexRanges, b: IndexRanges): IndexRanges {
  const merged: IndexRange[] = [];
  for (const range of [...a, ...b].sort((x, y) => x.first - y.first)) append(merged, { ...range });
  return merged;
}

/** @param indexes in any order. */
export function withIndexes(ranges: IndexRanges, indexes: Iterable<number>): IndexRanges {
  return mergeRanges(
    ranges,
    [...indexes].map((index) => ({ first: index, last: index })),
  );
}

/** How many indexes are in both. */
export function countCommon(a: IndexRanges, b: IndexRanges): number {
  let common = 0;
  for (const one of a) {
    for (const other of b) {
      common += Math.max(0, Math.min(one.last, other.last) - Math.max(one.first, other.first) + 1);
    }
  }
  return common;
}

/** The first `count` indexes below `completions` that are not taken. */
export function freeIndexes(taken: IndexRanges, count: number, completions: number): number[] {
  const free: number[] = [];
  let candidate = 0;
  for (const { first, last } of taken) {
    for (; candidate < first && candidate < completions && free.length < count; candidate++) free.push(candidate);
    candidate = Math.max(candidate, last + 1);
  }
  for (; candidate < completions && free.length < count; candidate++) free.push(candidate);
  return free;
}

function append(ranges: IndexRange[], range: IndexRange): void {
  const before = ranges.at(-1);
  if (before === undefined || range.first > before.last + 1) ranges.push(range);
  else before.last = Math.max(before.last, range.last);
}
