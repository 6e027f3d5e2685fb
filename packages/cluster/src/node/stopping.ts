/** Ending containers politely (k8s.io/kubernetes/pkg/kubelet/kuberuntime/{kuberuntime_container,kuberuntime_termination_order}.go). */
import type { Clock } from "@podwright/client";
import { runHook } from "./hooks.ts";
import type { ProbedContainer } from "./probes/run-probe.ts";

/** Nobody is killed without a moment to leave. */
const leastGraceMs = 2000;

export interface StoppedContainer extends ProbedContainer {
  /** Sidecars end after the others, the one declared last first. */
  isSidecar: boolean;
  /** Its preStop hook failed. */
  hookFailed(): void;
}

/** Containers on their way to their end. */
export interface Stopping {
  /** All have ended. Rejects when the runtime fails at one, and when they are left as they are. */
  done: Promise<void>;
  /** There is only so much time left from now. */
  hurry(graceMs: number): void;
}

/**
 * Stops containers of a pod at once, but for its sidecars: these wait for the others, and for the sidecars after
 * them, as long as there is time. Hooks count: what they take is not left for the containers.
 *
 * @param containers in the order of the pod.
 * @param left aborts when nobody waits for their ends any more: hooks are cut off, and what has not been told to stop
 * goes on.
 */
export function stopContainers(
  containers: readonly StoppedContainer[],
  graceMs: number,
  clock: Clock,
  left: AbortSignal,
): Stopping {
  let deadlineMs = clock.now() + graceMs;
  let hurrying = new AbortController();
  const stoppingNow = new Set<StoppedContainer>();
  const leftMs = (): number => deadlineMs - clock.now();

  /** Waits for the promise until there is no time left; how it went does not matter. */
  async function whileThereIsTime(wanted: Promise<unknown>): Promise<void> {
    let settled = false;
    const waited = wanted.catch(() => {}).finally(() => (settled = true));
    while (!settled && leftMs() > 0 && !left.aborted) {
      const signal = AbortSignal.any([hurrying.signal, left]);
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = clock.after(leftMs(), resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await Promise.race([waited, promise]);
      timer.cancel();
    }
  }

  async function stop(container: StoppedContainer, before: readonly Promise<void>[]): Promise<void> {
    const { lifecycle } = container.container;
    if (lifecycle?.preStop !== undefined && leftMs() > 0) {
      const cut = new AbortController();
      const hook = runHook(lifecycle.preStop, container, cut.signal).catch(() => {
        if (!cut.signal.aborted) container.hookFailed();
      });
      await whileThereIsTime(hook);
      cut.abort();
    }
    if (before.length > 0) await whileThereIsTime(Promise.allSettled(before));
    left.throwIfAborted();
    stoppingNow.add(container);
    await container.runtime.stopContainer(container.id, Math.max(leftMs(), leastGraceMs));
    stoppingNow.delete(container);
  }

  const ends: Promise<void>[] = [];
  for (const container of containers.filter(({ isSidecar }) => !isSidecar)) ends.push(stop(container, []));
  for (const container of containers.filter(({ isSidecar }) => isSidecar).reverse()) {
    ends.push(stop(container, [...ends]));
  }
  return {
    done: Promise.all(ends).then(() => undefined),
    hurry(wantedMs) {
      const wanted = clock.now() + wantedMs;
      if (wanted >= deadlineMs) return;
      deadlineMs = wanted;
      const before = hurrying;
      hurrying = new AbortController();
      before.abort();
      for (const { runtime, id } of stoppingNow) {
        // Its first call tells how it went.
        runtime.stopContainer(id, Math.max(leftMs(), leastGraceMs)).catch(() => {});
      }
    },
  };
}
