import type { QueuedRun, Ticket, Waiting } from "./queued-run.ts";

/** A ticket as the queue itself sees it. */
export interface Entry extends Ticket {
  settle(outcome: Awaited<Ticket["done"]>): void;
  delay(why: Waiting): void;
  /** Others may know its place: nothing of the tenant overtakes it. */
  promised: boolean;
  /** It was put back at least once, or told to wait: it is in line until it is through. */
  late: boolean;
}

/** The line of one tenant. */
export interface Line {
  waiting: Entry[];
  creating: Set<Entry>;
  /** Waits until one of the tenant's runs ends, or for a while. */
  fullUntil: number;
  fullTries: number;
  servedAt: number;
}

/** A ticket for a run that has not been tried. */
export function newEntry(item: QueuedRun): Entry {
  const done = Promise.withResolvers<Awaited<Ticket["done"]>>();
  const delayed = Promise.withResolvers<Waiting>();
  return {
    item,
    done: done.promise,
    delayed: delayed.promise,
    waiting: "turn",
    promised: false,
    late: false,
    settle: done.resolve,
    delay(why) {
      this.waiting = why;
      this.late = true;
      delayed.resolve(why);
    },
  };
}

/** Those that wait, and those of them that are being tried. */
export function inLine(line: Line): Entry[] {
  return [...[...line.creating].filter((entry) => entry.late), ...line.waiting];
}

/** Puts an entry where its sequence belongs. */
export function insert(line: Entry[], entry: Entry): void {
  let at = line.length;
  while (at > 0 && (line[at - 1] as Entry).item.sequence > entry.item.sequence) at--;
  line.splice(at, 0, entry);
}
