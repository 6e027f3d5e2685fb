import { objectKey, WorkQueue } from "@podwright/client";
import { messageOf } from "@podwright/kube";
import type { ContentIndex } from "../../content/content-index.ts";
import type { Pack } from "../pack.ts";
import { releaseOf } from "../release/release-name.ts";
import { dependenciesOf, isReady } from "./dependencies.ts";
import { PackReconciler } from "./reconcile.ts";
import type { PackTools } from "./tools.ts";

/** Packs at work at once; how many helms work is up to the slots. */
const concurrency = 64;

/**
 * Starts reconciling Packs: on changes of theirs, of their releases, of their repositories, of what valuesFrom names
 * and of Packs they depend on, and at their intervals.
 */
export async function startPackController(tools: PackTools, content: ContentIndex): Promise<{ stop(): Promise<void> }> {
  const { packs, releases, charts } = tools;
  const reconciler = new PackReconciler(tools, (key, afterMs) => queue.addAfter(key, afterMs));
  const queue = new WorkQueue({
    concurrency,
    minBackoffMs: 1_000,
    clock: tools.clock,
    reconcile: (key) => reconciler.reconcile(key),
    onError: (key, error, failures) =>
      tools.logger.warn("a Pack could not be reconciled", {
        pack: key,
        failures,
        error: messageOf(error),
      }),
  });
  packs.addIndexes({ packRelease: byRelease, packDependency: dependenciesOf, packSource: bySource });
  const addAll = (found: readonly Pack[]) => {
    for (const pack of found) queue.add(objectKey(pack));
  };

  await tools.helm.endLeftovers();
  await releases.start();
  const ends = [
    packs.onChange({
      added(pack) {
        queue.add(objectKey(pack));
        addAll(packs.by("packDependency", objectKey(pack)));
      },
      updated(pack, old) {
        const key = objectKey(pack);
        if (concerns(pack, old)) {
          reconciler.interrupt(key);
          queue.add(key);
        }
        if (isReady(pack) !== isReady(old) || pack.metadata.generation !== old.metadata.generation) {
          addAll(packs.by("packDependency", key));
        }
      },
      deleted(pack) {
        queue.add(objectKey(pack));
        addAll(packs.by("packDependency", objectKey(pack)));
      },
    }),
    releases.onChange((namespace, release) => addAll(packs.by("packRelease", `${namespace}/${release}`))),
    content.onChange(({ kind, namespace, name, entry, old }) => {
      if (entry?.hash !== old?.hash) addAll(packs.by("packSource", `${kind}/${namespace}/${name}`));
    }),
    charts.onChange((repository) => addAll(packs.list().filter((pack) => charts.repositoryOf(pack) === repository))),
  ];
  queue.start();
  return {
    async stop() {
      for (const end of ends) end();
      // First helm, or the queue would wait for it.
      await Promise.all([tools.helm.close(), queue.stop()]);
      await reconciler.stop();
      await releases.stop();
    },
  };
}

/** Whether a change is more than what this controller wrote into the status. */
function concerns(pack: Pack, old: Pack): boolean {
  return (
    pack.metadata.generation !== old.metadata.generation ||
    pack.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    JSON.stringify(pack.metadata.annotations) !== JSON.stringify(old.metadata.annotations) ||
    (pack.metadata.finalizers ?? []).length < (old.metadata.finalizers ?? []).length
  );
}

function byRelease(pack: Pack): string[] {
  const { name, namespace } = releaseOf(pack);
  return [`${namespace}/${name}`];
}

function bySource(pack: Pack): string[] {
  return (pack.spec.valuesFrom ?? []).map(({ kind, name }) => `${kind}/${pack.metadata.namespace}/${name}`);
}
