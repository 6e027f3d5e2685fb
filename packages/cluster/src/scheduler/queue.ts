import type { Clock, Timer } from "@podwright/client";
import type { Pod } from "../kinds.ts";

const firstBackoffMs = 1_000;
const longestBackoffMs = 10_000;

interface Waiting {
  pod: Pod;
  /** How often it was tried in vain. */
  attempts: number;
  /** Not before this time. */
  notBefore: number;
}

/**
 * Pods that want a node: those to try now, by priority and then by arrival; those that wait out their back-off;
 * and those that wait until something changes (scheduler/backend/queue/scheduling_queue.go).
 */
export class SchedulingQueue {
  /** By priority; within one, in the order of arrival. */
  readonly #active = new Map<number, Map<string, Waiting>>();
  readonly #backingOff = new Map<string, Waiting>();
  readonly #unschedulable = new Map<string, Waiting>();
  readonly #attempts = new Map<string, number>();
  readonly #clock: Clock;
  readonly #wake: () => void;
  #timer: Timer | undefined;
  /** Goes up with each change of the cluster that may help a pod. */
  #moves = 0;

  /** @param wake called when there is something to pop. */
  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** Puts a new pod in, or the new form of one that waits; what changed may have made it fit. */
  add(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const queued = this.#active.get(priorityOf(pod))?.get(uid) ?? this.#backingOff.get(uid);
    if (queued !== undefined) {
      queued.pod = pod;
      return;
    }
    const waiting = this.#unschedulable.get(uid);
    if (waiting !== undefined) {
      const changed = waiting.pod.spec !== pod.spec && waiting.pod.metadata.generation !== pod.metadata.generation;
      waiting.pod = pod;
      if (!changed) return;
      this.#unschedulable.delete(uid);
    }
    this.#activate(uid, { pod, attempts: this.#attempts.get(uid) ?? 0, notBefore: 0 });
    this.#wake();
  }

  #activate(uid: string, waiting: Waiting): void {
    const priority = priorityOf(waiting.pod);
    let peers = this.#active.get(priority);
    if (peers === undefined) {
      peers = new Map();
      this.#active.set(priority, peers);
    }
    peers.set(uid, waiting);
  }

  remove(uid: string): void {
    for (const peers of this.#active.values()) peers.delete(uid);
    this.#backingOff.delete(uid);
    this.#unschedulable.delete(uid);
    this.#attempts.delete(uid);
  }

  /** The next pod to try. Give it back with {@link unschedulable} when no node takes it. */
  pop(): { pod: Pod; cycle: number } | undefined {
    const priority = Math.max(...this.#active.keys());
    const peers = this.#active.get(priority);
    for (const [uid, next] of peers ?? []) {
      peers?.delete(uid);
      if (peers?.size === 0) this.#active.delete(priority);
      this.#attempts.set(uid, next.attempts + 1);
      return { pod: next.pod, cycle: this.#moves };
    }
    this.#active.delete(priority);
    return this.#active.size > 0 ? this.pop() : undefined;
  }

  /** Keeps the pod until something changes; tries it again after its back-off if something did meanwhile. */
  unschedulable(pod: Pod, cycle: number): void {
    const uid = pod.metadata.uid ?? "";
    const attempts = this.#attempts.get(uid) ?? 1;
    const backoffMs = Math.min(firstBackoffMs * 2 ** (attempts - 1), longestBackoffMs);
    const waiting = { pod, attempts, notBefore: this.#clock.now() + backoffMs };
    if (cycle === this.#moves) this.#unschedulable.set(uid, waiting);
    else this.#backOff(uid, waiting);
  }

  /** Tries the pod again after its back-off, whatever happens. */
  retry(pod: Pod): void {
    this.unschedulable(pod, -1);
  }

  /** Something changed that may help: all that wait for it get another try after their back-off. */
  moveAll(): void {
    this.#moves++;
    for (const [uid, waiting] of this.#unschedulable) this.#backOff(uid, waiting);
    this.#unschedulable.clear();
  }

  #backOff(uid: string, waiting: Waiting): void {
    if (waiting.notBefore <= this.#clock.now()) {
      this.#activate(uid, waiting);
      this.#wake();
      return;
    }
    this.#backingOff.set(uid, waiting);
    this.#arm();
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const { notBefore } of this.#backingOff.values()) earliest = Math.min(earliest, notBefore);
    if (earliest === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.after(earliest - this.#clock.now(), () => this.#release());
  }

  #release(): void {
    const now = this.#clock.now();
    for (const [uid, waiting] of this.#backingOff) {
      if (waiting.notBefore > now) continue;
      this.#backingOff.delete(uid);
      this.#activate(uid, waiting);
    }
    this.#arm();
    this.#wake();
  }

  close(): void {
    this.#timer?.cancel();
    this.#active.clear();
    this.#backingOff.clear();
    this.#unschedulable.clear();
    this.#attempts.clear();
  }
}

function priorityOf(pod: Pod): number {
  return pod.spec.priority ?? 0;
}
