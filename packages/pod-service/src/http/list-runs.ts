import { invalidField } from "../problem.ts";
import type { LiveRun } from "../runs/live-runs.ts";
import { isFinished, type Phase, phases, type Run } from "../runs/run.ts";
import { comparePlaces, cursorOf, type RunPlace, readCursor } from "../runs/run-order.ts";
import type { Runs } from "../runs/runs.ts";

export interface RunListing {
  items: Run[];
  next?: string;
}

export interface RunSelection {
  limit: number;
  cursor?: string;
  /** "running,failed", "active", "finished". */
  state?: string;
  fits: (run: Run) => boolean;
}

/** How many runs a page looks at before it ends early, with a cursor to go on from. */
const mostLookedAt = 20_000;

/**
 * A page of a tenant's runs, the newest first: those in line, those in the cluster and the finished ones, each once.
 * Throws a Problem for a state there is not, or a cursor that is none.
 */
export function listRuns(runs: Runs, tenant: string, selection: RunSelection): RunListing {
  const after = selection.cursor === undefined ? undefined : readCursor(selection.cursor);
  const wanted = selection.state === undefined ? undefined : phasesOf(selection.state);
  const past = wanted?.filter(isFinished);
  const sources: Iterator<Placed>[] = [
    inOrder(runs.queued(tenant), after),
    liveRuns(runs.live.list(tenant, after)),
    inOrder(runs.records.ending(tenant), after),
    ...(past?.length === 0 ? [] : [pastRuns(runs.records.list(tenant, after, past))]),
  ];
  const items: Run[] = [];
  let last: RunPlace | undefined;
  let lookedAt = 0;
  try {
    for (const placed of merged(sources)) {
      if (items.length === selection.limit || ++lookedAt > mostLookedAt) {
        return { items, ...(last === undefined ? {} : { next: cursorOf(last) }) };
      }
      last = placed;
      if ((wanted === undefined || wanted.includes(placed.run.phase)) && selection.fits(placed.run))
        items.push(placed.run);
    }
  } finally {
    for (const source of sources) source.return?.();
  }
  return { items };
}

interface Placed extends RunPlace {
  run: Run;
}

function* inOrder(few: Iterable<Run>, after: RunPlace | undefined): Generator<Placed, void, undefined> {
  const placed = [...few]
    .map((run) => ({ at: Date.parse(run.createdAt) || 0, name: run.name, run }))
    .sort(comparePlaces);
  for (const each of placed) if (after === undefined || comparePlaces(each, after) > 0) yield each;
}

function* liveRuns(live: Iterable<LiveRun>): Generator<Placed, void, undefined> {
  yield* live;
}

function* pastRuns(past: Iterable<Run & RunPlace>): Generator<Placed, void, undefined> {
  for (const { at, ...run } of past) yield { at, name: run.name, run };
}

/** In order; of several at one place the first source's. */
function* merged(sources: Iterator<Placed>[]): Generator<Placed, void, undefined> {
  const heads = sources.map((source) => source.next());
  let last: RunPlace | undefined;
  for (;;) {
    let best: number | undefined;
    for (const [index, head] of heads.entries()) {
      if (head.done === true) continue;
      if (best === undefined || comparePlaces(head.value, heads[best]!.value as Placed) < 0) best = index;
    }
    if (best === undefined) return;
    const placed = heads[best]!.value as Placed;
    heads[best] = sources[best]!.next();
    if (last !== undefined && comparePlaces(placed, last) === 0) continue;
    last = placed;
    yield placed;
  }
}

function phasesOf(state: string): Phase[] {
  const wanted = new Set<Phase>();
  for (const part of state.split(",")) {
    const found = phases.filter((phase) => {
      const name = part.toLowerCase();
      if (name === "finished" || name === "completed") return isFinished(phase);
      return name === "active" ? !isFinished(phase) : phase.toLowerCase() === name;
    });
    if (found.length === 0)
      throw invalidField("state", `there is no "${part}"; there is ${phases.join(", ")}, active, finished`);
    for (const phase of found) wanted.add(phase);
  }
  return [...wanted];
}
