import { join } from "node:path";
import { clusterPackRepositories, onDemand, packRepositories, packs, whenThereIs } from "@podwright/client";
import { messageOf } from "@podwright/kube";
import type { Part, PartContext } from "../part.ts";
import { packCrds } from "./crd.ts";
import { Leftovers } from "./helm/leftovers.ts";
import type { PackWork } from "./pack-work.ts";
import { packWebhook } from "./webhook.ts";

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

/** Packs and their repositories: charts kept installed by helm. Most of its code is loaded with the first of them. */
export function createPackPart(context: PartContext, options: PackPartOptions): Part {
  const { informers, clock, logger } = context;
  // Asked for now, so that they have synced when the work begins.
  const occasions = [packs, packRepositories, clusterPackRepositories].map((ref) => whenThereIs(informers.for(ref)));
  let loading: Promise<PackWork> | undefined;
  const work = (): Promise<PackWork> => {
    loading ??= import("./pack-work.ts").then(({ createPackWork }) => createPackWork(context, options));
    return loading;
  };
  return {
    name: "pack",
    crds: packCrds(),
    webhooks: [packWebhook(async (request) => (await work()).validate(request))],
    async lead() {
      await new Leftovers(join(options.cacheDir, "helm")).end();
      return onDemand({
        occasions,
        load: async () => (await work()).controllers(),
        informers,
        clock,
        onError: (error) => logger.error("Packs cannot be worked on", { error: messageOf(error) }),
      });
    },
    async close() {
      (await loading)?.close();
    },
  };
}
