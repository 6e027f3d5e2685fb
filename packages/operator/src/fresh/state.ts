/** An image as history shows it. */
export interface ImageRecord {
  /** As the template has it. */
  image: string;
  /** Its content; absent where it is not known. */
  id?: string;
  /** The pin in the template, if any. */
  pin?: string;
}

export type RollResult =
  | "pending"
  | "ready"
  /** Not ready within the deadline: we took it back. */
  | "reverted"
  /** A person took it back. */
  | "undone"
  /** A newer image came before it was ready. */
  | "superseded"
  /** A person set another image. */
  | "replaced";

/** One rollout of one container. */
export interface Roll {
  container: string;
  from: ImageRecord;
  to: ImageRecord;
  /** ISO 8601, with milliseconds. */
  at: string;
  /** "newest", "semver:^1", "new content under its tag" */
  why: string;
  /** Who had it: "docker", "containerd on n1". */
  source: string;
  /** org.opencontainers.image.revision */
  revision?: string;
  result: RollResult;
  endedAt?: string;
  /** What to go back to, where it is not `from`: the last that was ready. */
  good?: ImageRecord;
}

/** What is not rolled out. */
export interface Refusal {
  id: string;
  image: string;
  why: string;
  at: string;
  /** It failed, or was taken back: it is not tried again until a person asks. Others are looked at anew each time. */
  quarantined: boolean;
}

export interface Waiting {
  container: string;
  image: string;
  why: string;
}

export interface FreshState {
  /** Counts what was written; the higher one is the newer. */
  serial: number;
  /** Of the workload: a copy of its annotations on another object means nothing. */
  uid: string;
  /** The newest first. */
  rolls: readonly Roll[];
  refused: readonly Refusal[];
  waiting: readonly Waiting[];
  /** Contents that a person asked to try again. */
  retried: readonly string[];
}

// The annotation stays under 16 kB, whatever happens.
const mostRolls = 10;
const mostQuarantined = 20;
const mostSkipped = 5;
const mostWaiting = 5;
const longestText = 200;

export function emptyState(uid: string): FreshState {
  return { serial: 0, uid, rolls: [], refused: [], waiting: [], retried: [] };
}

/** The state in an annotation; undefined when there is none, or none of this object. */
export function parseState(text: string | undefined, uid: string): FreshState | undefined {
  if (text === undefined || text.length > 64 << 10) return undefined;
  try {
    const value = JSON.parse(text) as Partial<FreshState> | null;
    if (value === null || value.uid !== uid || typeof value.serial !== "number") return undefined;
    return { ...emptyState(uid), ...value } as FreshState;
  } catch {
    return undefined;
  }
}

/** The annotation of a state, cut to its bounds. */
export function formatState(state: FreshState): string {
  const quarantined = state.refused.filter((each) => each.quarantined).slice(0, mostQuarantined);
  const skipped = state.refused.filter((each) => !each.quarantined).slice(0, mostSkipped);
  return JSON.stringify({
    serial: state.serial,
    uid: state.uid,
    rolls: state.rolls.slice(0, mostRolls),
    refused: [...quarantined, ...skipped].map((each) => ({ ...each, why: cut(each.why) })),
    waiting: state.waiting.slice(0, mostWaiting).map((each) => ({ ...each, why: cut(each.why) })),
    retried: state.retried.slice(0, mostQuarantined),
  });
}

function cut(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText - 1)}…`;
}

/** Whether two states say the same, whenever they were written. */
export function sameState(a: FreshState, b: FreshState): boolean {
  return formatState({ ...a, serial: 0 }) === formatState({ ...b, serial: 0 });
}

/** The latest rollout of a container, if any. */
export function lastRoll(state: FreshState, container: string): Roll | undefined {
  return state.rolls.find((roll) => roll.container === container);
}

export function quarantinedIds(state: FreshState): Set<string> {
  return new Set(state.refused.flatMap(({ id, quarantined }) => (quarantined ? [id] : [])));
}

/** Adds a refusal, in place of an earlier one of the same content and sort. */
export function refuse(state: FreshState, refusal: Refusal): FreshState {
  const others = state.refused.filter(
    ({ id, quarantined }) => id !== refusal.id || quarantined !== refusal.quarantined,
  );
  return { ...state, refused: [refusal, ...others] };
}

/** Ends a rollout. */
export function endRoll(state: FreshState, roll: Roll, result: RollResult, endedAt: string): FreshState {
  return { ...state, rolls: state.rolls.map((each) => (each === roll ? { ...roll, result, endedAt } : each)) };
}

/** Enters a rollout that begins; one of the same container that is under way is superseded, and what was good stays so. */
export function beginRoll(state: FreshState, roll: Roll): FreshState {
  const before = state.rolls.find(({ container, result }) => container === roll.container && result === "pending");
  if (before === undefined) return { ...state, rolls: [roll, ...state.rolls] };
  const ended = endRoll(state, before, "superseded", roll.at);
  return { ...ended, rolls: [{ ...roll, good: before.good ?? before.from }, ...ended.rolls] };
}

/** Takes all refusals back, and notes what is to be tried again. */
export function retry(state: FreshState): FreshState {
  return { ...state, refused: [], retried: [...quarantinedIds(state)] };
}
