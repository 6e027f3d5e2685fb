import type { Clock } from "@podwright/client";
import type { LiveRun, LiveRuns } from "./live-runs.ts";
import type { Run } from "./run.ts";

/** What a watcher is told: the run as it is now, and the change's number. */
export interface RunChange {
  run: Run;
  version: number;
  /** Its object is gone: nothing more will come. */
  gone: boolean;
}

export type RunWatcher = (change: RunChange) => void;

/** Tells changes of single runs to those who asked for them: one watch of the cluster feeds them all. */
export class RunWatchers {
  readonly #byKey = new Map<string, Set<RunWatcher>>();
  readonly #waits = new Set<() => void>();
  #size = 0;

  constructor(live: LiveRuns) {
    live.onChange((now, before) => {
      if (this.#size === 0) return;
      if (now !== undefined) {
        if (before === undefined || JSON.stringify(before.run) !== JSON.stringify(now.run))
          this.#tell(now, now.run, false);
      } else if (before !== undefined) this.#tell(before, goneRun(before), true);
    });
  }

  get size(): number {
    return this.#size;
  }

  has(tenant: string, name: string): boolean {
    return this.#byKey.has(`${tenant}\n${name}`);
  }

  /** Gives a function that ends it. */
  watch(tenant: string, name: string, watcher: RunWatcher): () => void {
    const key = `${tenant}\n${name}`;
    let watchers = this.#byKey.get(key);
    if (watchers === undefined) {
      watchers = new Set();
      this.#byKey.set(key, watchers);
    }
    watchers.add(watcher);
    this.#size++;
    return () => {
      if (!watchers.delete(watcher)) return;
      this.#size--;
      if (watchers.size === 0 && this.#byKey.get(key) === watchers) this.#byKey.delete(key);
    };
  }

  /** Resolves when the run has come so far, when time is over, when its caller has gone, or at {@link endWaits}. */
  async wait(
    tenant: string,
    name: string,
    until: (run: Run) => boolean,
    limits: { clock: Clock; timeoutMs: number; signal: AbortSignal },
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = this.watch(tenant, name, ({ run, gone }) => {
      if (gone || until(run)) resolve();
    });
    const timer = limits.clock.after(limits.timeoutMs, resolve, { background: true });
    limits.signal.addEventListener("abort", () => resolve(), { once: true });
    this.#waits.add(resolve);
    await promise;
    this.#waits.delete(resolve);
    timer.cancel();
    end();
  }

  /** The service stops: whoever waits is answered with what there is. */
  endWaits(): void {
    for (const resolve of this.#waits) resolve();
  }

  /** For what is not of the cluster's doing: a place in line, a cancellation. */
  tell(run: Run, gone: boolean): void {
    this.#tell({ tenant: run.tenant, name: run.name, version: 0 }, run, gone);
  }

  #tell({ tenant, name, version }: Pick<LiveRun, "tenant" | "name" | "version">, run: Run, gone: boolean): void {
    for (const watcher of [...(this.#byKey.get(`${tenant}\n${name}`) ?? [])]) watcher({ run, version, gone });
  }
}

function goneRun({ run }: LiveRun): Run {
  return run.phase === "Succeeded" || run.phase === "Failed" ? run : { ...run, phase: "Deleted" };
}
