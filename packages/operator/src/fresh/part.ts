import { InformerFactory, nodeImages } from "@podwright/client";
import type { Part, PartContext } from "../part.ts";
import { ImageCatalog } from "./catalog.ts";
import { nodeImagesCrd } from "./crd.ts";
import type { LocalImages } from "./local-images.ts";
import { localName, type NodeImages } from "./node-images.ts";
import { followReports } from "./report-views.ts";
import type { FreshOptions } from "./settings.ts";
import type { ImageEngine } from "./sources/engine.ts";
import { findEngine, type ImageChoice } from "./sources/find-engine.ts";
import { freshWebhook } from "./webhook.ts";

export interface FreshPartOptions extends FreshOptions {
  /** Where images are looked for, besides what image agents report. Default "none". */
  images?: ImageChoice;
  /** An engine instead of the one that `images` would find. */
  engine?: () => Promise<ImageEngine | undefined>;
  /** Brings images that docker builds to the containerd that `images` names. */
  sync?: { socket: string };
  /** How often what is known of images is compared with what there is. Default 30 s. */
  compareEveryMs?: number;
  /** How often registries are asked. Default 1 min. */
  pollEveryMs?: number;
}

type FreshContext = Pick<PartContext, "client" | "recorder" | "clock" | "logger">;

/**
 * Rolls new images out to the workloads that use them. Nothing is watched but NodeImages until there is an image
 * from anywhere: a cluster without pays nothing.
 */
export function createFreshPart(context: FreshContext, options: FreshPartOptions = {}): Part {
  return {
    name: "fresh",
    crds: [nodeImagesCrd()],
    webhooks: [freshWebhook()],
    lead: async () => startFreshening(context, options),
  };
}

function startFreshening(context: FreshContext, options: FreshPartOptions): { stop(): Promise<void> } {
  const { client, clock, logger } = context;
  const catalog = new ImageCatalog();
  const informers = new InformerFactory(client, { logger, clock });
  let local: LocalImages | undefined;
  let stopped = false;
  const ends: (() => Promise<void>)[] = [];

  const ownName =
    options.engine !== undefined || options.sync !== undefined || (options.images ?? "none") !== "none"
      ? localName
      : undefined;
  const reports = informers.for<NodeImages>(nodeImages, { managedFields: false });
  followReports(reports, catalog, (name) => name === ownName);

  const start = async (): Promise<void> => {
    const { Freshener } = await import("./freshener.ts");
    const { workInformers } = await import("./work-informers.ts");
    const { earlierStates } = await import("./earlier-states.ts");
    if (stopped) return;
    const freshener = new Freshener(
      { ...context, catalog, confirm: async (candidate) => (await local?.confirm(candidate)) ?? true },
      workInformers(informers),
      options,
    );
    const [earlier] = await Promise.all([earlierStates(client, logger), informers.synced()]);
    if (stopped) return;
    freshener.start(earlier);
    ends.push(() => freshener.stop());
    if (options.images === "registry") {
      const { startRegistrySource } = await import("./sources/registry.ts");
      const registry = startRegistrySource({
        ...context,
        catalog,
        wishes: () => freshener.wishes(),
        onWishes: (handler) => freshener.onWishes(handler),
        ...(options.pollEveryMs === undefined ? {} : { pollEveryMs: options.pollEveryMs }),
      });
      ends.push(() => registry.stop());
    }
  };
  let started: Promise<void> | undefined;
  const startOnce = () => {
    if (stopped || started !== undefined) return;
    started = start().catch((error: unknown) => logger.error("fresh cannot start", { error: String(error) }));
  };
  const leave = catalog.onChange(startOnce);
  if (options.images === "registry") startOnce();
  informers.start();

  const following = (async () => {
    const engine = await engineOf(options);
    if (engine === undefined) return;
    const { followLocalImages } = await import("./local-images.ts");
    const { compareEveryMs, sync } = options;
    const following = await followLocalImages({
      ...context,
      engine,
      catalog,
      ...(compareEveryMs === undefined ? {} : { compareEveryMs }),
      ...(sync === undefined ? {} : { sync }),
    });
    if (stopped) await following.stop();
    else local = following;
  })().catch((error: unknown) => logger.error("images cannot be followed", { error: String(error) }));

  return {
    async stop() {
      stopped = true;
      leave();
      await following;
      await local?.stop();
      await informers.stop();
      await started;
      for (const end of ends.reverse()) await end();
    },
  };
}

async function engineOf({ engine, images = "none", sync }: FreshPartOptions): Promise<ImageEngine | undefined> {
  if (engine !== undefined) return engine();
  if (sync !== undefined) return findEngine({ choice: "containerd", nodeNamespace: "k8s.io", ...sync });
  return images === "none" || images === "registry" ? undefined : findEngine({ choice: images });
}
