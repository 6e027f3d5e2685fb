import { stateKey } from "./keys.ts";
import { emptyState, type FreshState, formatState, parseState } from "./state.ts";
import type { Workload } from "./workload.ts";

interface Known {
  uid: string;
  /** Of the workload, by that write. */
  generation: number;
  state: FreshState;
  /** Whether the informer has shown it. */
  seen: boolean;
}

/**
 * The state of each workload as it was written last: informers may be behind, and `kubectl rollout undo` puts the
 * annotations of a Deployment's earlier revision back.
 */
export class KnownStates {
  readonly #known = new Map<string, Known>();

  /** Enters a state that was written by somebody before us, where it is newer than what the workload shows. */
  recover(key: string, workload: Workload, state: FreshState): void {
    const uid = workload.metadata.uid as string;
    if (state.uid !== uid || state.serial <= shown(workload).serial) return;
    this.#known.set(key, { uid, generation: 0, state, seen: true });
  }

  /** Notes what was written, and the workload's generation by it. */
  wrote(key: string, uid: string, generation: number, state: FreshState): void {
    this.#known.set(key, { uid, generation, state, seen: false });
  }

  /** Whether the workload is older than what was written: the change that brings it will come. */
  isBehind(key: string, { metadata }: Workload): boolean {
    const known = this.#of(key, metadata.uid as string);
    return known !== undefined && (metadata.generation as number) < known.generation;
  }

  /** The newest state that there is of the workload. */
  of(key: string, workload: Workload): FreshState {
    const known = this.#of(key, workload.metadata.uid as string);
    if (known !== undefined && shows(workload, known.state)) known.seen = true;
    const found = shown(workload);
    return known !== undefined && known.state.serial > found.serial ? known.state : found;
  }

  /** Whether the state was on the workload, and is not any more. */
  isLost(key: string, workload: Workload, state: FreshState): boolean {
    const known = this.#of(key, workload.metadata.uid as string);
    return known?.seen === true && known.state === state && !shows(workload, state);
  }

  forget(key: string): void {
    this.#known.delete(key);
  }

  #of(key: string, uid: string): Known | undefined {
    const known = this.#known.get(key);
    return known?.uid === uid ? known : undefined;
  }
}

function shown({ metadata }: Workload): FreshState {
  const uid = metadata.uid as string;
  return parseState(metadata.annotations?.[stateKey], uid) ?? emptyState(uid);
}

function shows({ metadata }: Workload, state: FreshState): boolean {
  return metadata.annotations?.[stateKey] === formatState(state);
}
