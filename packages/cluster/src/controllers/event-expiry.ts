/** Events are kept for an hour after they last happened (kube-apiserver's --event-ttl). */
import { events, type Timer } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { type Controller, type ControllerContext, isLostRace } from "./controller.ts";

const keptMs = 3_600_000;
const sweepEveryMs = 600_000;

export function createEventExpiry({ client, clock, logger }: ControllerContext): Controller {
  const resource = client.resource(events);
  let timer: Timer | undefined;
  let sweeping: Promise<void> = Promise.resolve();
  let stopped = false;

  function arm(): void {
    if (stopped) return;
    timer = clock.after(
      sweepEveryMs,
      () => {
        sweeping = sweep()
          .catch((error: unknown) => logger.warn("old events could not be deleted", { error: String(error) }))
          .finally(arm);
      },
      { background: true },
    );
  }

  async function sweep(): Promise<void> {
    const oldest = clock.now() - keptMs;
    for (const event of (await resource.listAll()).items) {
      if (stopped || lastSeenMs(event) > oldest) continue;
      const { name = "", namespace, uid = "" } = event.metadata;
      await resource.delete(name, namespace, { preconditions: { uid } }).catch((error: unknown) => {
        if (!isLostRace(error)) throw error;
      });
    }
  }

  return {
    start: arm,
    async stop() {
      stopped = true;
      timer?.cancel();
      await sweeping;
    },
  };
}

function lastSeenMs(event: KubeObject): number {
  const { lastTimestamp, eventTime, series } = event as {
    lastTimestamp?: string | null;
    eventTime?: string | null;
    series?: { lastObservedTime?: string };
  };
  const latest = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? event.metadata.creationTimestamp;
  return latest == null ? 0 : Date.parse(latest);
}
