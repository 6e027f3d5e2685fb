import { join } from "node:path";
import { packs } from "@podwright/client";
import type { Part, PartContext } from "../part.ts";
import { DesiredState } from "./controller/desired.ts";
import { startPackController } from "./controller/pack-controller.ts";
import { Slots } from "./controller/slots.ts";
import { packCrds } from "./crd.ts";
import { Helm } from "./helm/helm.ts";
import type { Pack } from "./pack.ts";
import { ReleaseIndex } from "./release/release-index.ts";
import { createRepositories } from "./repositories/repositories.ts";
import { createPackWebhooks } from "./validation/validation.ts";

export interface PackPartOptions {
  helm: {
    /** Gives the path of helm; asked when the first Pack needs it. */
    binary: () => Promise<string>;
    /** A cluster administrator's. */
    kubeconfig: string;
    context?: string;
  };
  /** For charts, and for helm's files. */
  cacheDir: string;
  /** Folders that repositories with a file: URL may be in. */
  chartFolders?: string[];
  /** helm processes that work at once. Default 8. */
  concurrency?: number;
  /** The first wait after a failed install or upgrade; doubles up to five minutes. Default 5 s. */
  retryDelayMs?: number;
  /** From the start of helm to the first word about what it waits for. Default 1.5 s. */
  progressAfterMs?: number;
}

/** Packs and their repositories: charts kept installed by helm. */
export function createPackPart(context: PartContext, options: PackPartOptions): Part {
  const { client, clock, logger, recorder, content } = context;
  const { cacheDir, chartFolders } = options;
  const informer = context.informers.for<Pack>(packs);
  const repositories = createRepositories(context, {
    cacheDir,
    ...(chartFolders !== undefined ? { chartFolders } : {}),
  });
  return {
    name: "pack",
    crds: packCrds(),
    webhooks: createPackWebhooks({ charts: repositories.source }),
    async lead() {
      const fetching = await repositories.lead();
      const controller = await startPackController(
        {
          client,
          clock,
          logger,
          recorder,
          packs: informer,
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
        async stop() {
          await controller.stop();
          await fetching.stop();
        },
      };
    },
    async close() {
      repositories.close();
    },
  };
}
