import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { type Client, type Clock, LeaderElector, type Logger } from "@podwright/client";
import type { Part } from "./part.ts";

/** The Lease by which replicas agree on who runs the controllers. */
export interface LeaseName {
  namespace: string;
  /** Default "podwright-operator". */
  name?: string;
}

export interface Leading {
  stop(): Promise<void>;
}

/** Runs the parts' controllers at once, for an operator that is the only one. */
export async function leadAlone(parts: readonly Part[]): Promise<Leading> {
  const running = await startControllers(parts);
  return { stop: () => stopAll(running) };
}

/**
 * Runs the parts' controllers whenever this replica leads. One that lost the lease, because the API server was not
 * reached for too long, stops them and stands for election again.
 */
export function leadByElection(
  parts: readonly Part[],
  options: { client: Client; lease: LeaseName; clock: Clock; logger: Logger; onError: (error: unknown) => void },
): Leading {
  const { client, lease, clock, logger, onError } = options;
  const identity = `${hostname()}_${randomUUID()}`;
  let stopped = false;
  let elector: LeaderElector;
  const stand = async (): Promise<void> => {
    while (!stopped) {
      let controllers: Promise<Leading[]> = Promise.resolve([]);
      elector = new LeaderElector({
        client,
        namespace: lease.namespace,
        name: lease.name ?? "podwright-operator",
        identity,
        clock,
        logger,
        onStartedLeading() {
          controllers = startControllers(parts);
          controllers.catch((error) => {
            onError(error);
            void elector.stop();
          });
        },
        onStoppedLeading: async () => stopAll(await controllers.catch(() => [])),
      });
      elector.start();
      await elector.ended;
    }
  };
  const standing = stand().catch(onError);
  return {
    async stop() {
      stopped = true;
      await elector.stop();
      await standing;
    },
  };
}

async function startControllers(parts: readonly Part[]): Promise<Leading[]> {
  const started: Leading[] = [];
  try {
    for (const part of parts) {
      const controllers = await part.lead?.();
      if (controllers !== undefined) started.push(controllers);
    }
    return started;
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

async function stopAll(running: readonly Leading[]): Promise<void> {
  await Promise.all(running.map((each) => each.stop()));
}
