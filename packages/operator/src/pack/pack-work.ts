import { join } from "node:path";
import { packs } from "@podwright/client";
import type { PartContext } from "../part.ts";
import type { AdmissionHandler } from "../webhook/server.ts";
import { ActingClients } from "./controller/acting-clients.ts";
import { DesiredState } from "./controller/desired.ts";
import { startPackController } from "./controller/pack-controller.ts";
import { Slots } from "./controller/slots.ts";
import { Helm } from "./helm/helm.ts";
import type { Pack } from "./pack.ts";
import type { PackPartOptions } from "./part.ts";
import { ReleaseIndex } from "./release/release-index.ts";
import { createRepositories } from "./repositories/repositories.ts";
import { createPackValidator } from "./validation/validation.ts";

/** All that is done about Packs and repositories once there are any. */
export interface PackWork {
  validate: AdmissionHandler;
  /** Those of the replica that leads, not yet started. */
  controllers(): { start(): Promise<void>; stop(): Promise<void> };
  close(): void;
}

/** Asks the context for informers; starts nothing. */
export function createPackWork(context: PartContext, options: PackPartOptions): PackWork {
  const { client, clock, logger, recorder, content } = context;
  const { cacheDir, chartFolders } = options;
  const informer = context.informers.for<Pack>(packs);
  const repositories = createRepositories(context, {
    cacheDir,
    ...(chartFolders !== undefined ? { chartFolders } : {}),
  });
  const startPacks = () =>
    startPackController(
      {
        client,
        clock,
        logger,
        recorder,
        packs: informer,
        acting: new ActingClients(client),
        charts: repositories.source,
        helm: new Helm({ ...options.helm, folder: join(cacheDir, "helm") }),
        releases: new ReleaseIndex(client),
        desired: new DesiredState(client, content),
        slots: new Slots(options.concurrency ?? 8, clock),
        retryDelayMs: options.retryDelayMs ?? 5_000,
        progressAfterMs: options.progressAfterMs ?? 1_500,
      },
      content,
    );
  return {
    validate: createPackValidator(repositories.source),
    controllers() {
      const running: { stop(): Promise<void> }[] = [];
      return {
        async start() {
          running.push(await repositories.lead());
          running.push(await startPacks());
        },
        async stop() {
          for (const each of running.splice(0).reverse()) await each.stop();
        },
      };
    },
    close: () => repositories.close(),
  };
}
