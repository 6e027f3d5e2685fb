import { type Informer, type ReconcileResult, WorkQueue } from "@podwright/client";
import { isCode, type KubeObject, messageOf } from "@podwright/kube";
import type { ContentChange } from "../content/content-index.ts";
import type { PartContext } from "../part.ts";
import { AnnotationError, type RedeployWish, readAnnotations } from "./annotation.ts";
import { PackWorkloads } from "./pack-workloads.ts";
import { PendingRestarts } from "./pending-restarts.ts";
import { RestartBudget } from "./restart-budget.ts";
import { compareState, formatState, parseState, type RedeployState, stateKey } from "./state.ts";
import { type Watched, WatchTable, watchedIn } from "./watch-table.ts";
import { restartedAtKey, type Workload, type WorkloadKind, workloadKey, workloadRefs } from "./workload.ts";

export interface RedeployOptions {
  /** Where `podwright.dev/redeploy-after` says nothing. Default 2 s. */
  quietMs?: number;
  /** Workloads that restart at the same time. Default 50. */
  maxRestarts?: number;
  /** How long a restart that does not come to its end keeps others waiting. Default 60 s. */
  holdMs?: number;
}

export type WorkloadInformers = Readonly<Record<WorkloadKind, Informer<Workload>>>;

const fieldManager = "podwright-redeploy";

/**
 * Restarts workloads whose ConfigMaps or Secrets have changed. What the pods have seen is a hash on the workload,
 * written in one patch with the restart: whoever looks next, after whatever crash, sees that it was done or that it
 * was not.
 */
export class Redeployer {
  readonly #context: PartContext;
  readonly #workloads: WorkloadInformers;
  readonly #packInformer: Informer | undefined;
  readonly #quietMs: number;
  readonly #queue: WorkQueue;
  readonly #budget: RestartBudget;
  readonly #table = new WatchTable();
  readonly #packs = new PackWorkloads();
  readonly #pending: PendingRestarts;
  /** By workload, of its uid: for the case that somebody replaces the object and drops the annotation with it. */
  readonly #states = new Map<string, { uid: string; state: RedeployState }>();
  readonly #wishes = new Map<string, Omit<RedeployWish, "watch">>();
  readonly #leave: (() => void)[] = [];

  constructor(
    context: PartContext,
    informers: { workloads: WorkloadInformers; packs?: Informer | undefined },
    options: RedeployOptions = {},
  ) {
    this.#context = context;
    this.#workloads = informers.workloads;
    this.#packInformer = informers.packs;
    this.#quietMs = options.quietMs ?? 2000;
    const { clock } = context;
    this.#queue = new WorkQueue({
      reconcile: (key) => this.#reconcile(key),
      concurrency: 16,
      maxBackoffMs: 30_000,
      clock,
      onError: (key, error, failures) =>
        context.logger.warn("redeploy failed", { workload: key, error: messageOf(error), failures }),
    });
    this.#pending = new PendingRestarts(clock);
    this.#budget = new RestartBudget({
      limit: options.maxRestarts ?? 50,
      holdMs: options.holdMs ?? 60_000,
      clock,
      onFree: (key) => this.#queue.add(key),
    });
  }

  start(): void {
    const { content } = this.#context;
    const packs = this.#packInformer?.onChange({
      added: (pack) => this.#look(this.#packs.set(pack)),
      updated: (pack) => this.#look(this.#packs.set(pack)),
      deleted: (pack) => this.#look(this.#packs.delete(pack)),
    });
    if (packs !== undefined) this.#leave.push(packs);
    for (const informer of Object.values(this.#workloads)) {
      this.#leave.push(
        informer.onChange({
          added: (workload) => this.#take(workload),
          updated: (workload, old) => this.#update(workload, old),
          deleted: (workload) => this.#forget(keyOf(workload)),
        }),
      );
    }
    this.#leave.push(content.onChange((change) => this.#contentChanged(change)));
    this.#queue.start();
  }

  async stop(): Promise<void> {
    for (const leave of this.#leave) leave();
    this.#budget.stop();
    await this.#queue.stop();
  }

  #update(workload: Workload, old: Workload): void {
    const key = keyOf(workload);
    if (workload.signature !== old.signature) this.#take(workload);
    if (workload.rolledOut) this.#budget.rolledOut(key, workload.metadata.generation as number);
  }

  /** Enters what a workload watches, and has a look at it when that is anything, or was. */
  #take(workload: Workload): void {
    const key = keyOf(workload);
    const watched = this.#watchedBy(workload, key);
    this.#table.set(key, watched);
    if (watched.length > 0 || workload.metadata.annotations?.[stateKey] !== undefined) this.#queue.add(key);
  }

  #look(keys: readonly string[]): void {
    for (const key of keys) {
      const workload = this.#workload(key);
      if (workload !== undefined) this.#take(workload);
    }
  }

  #watchedBy(workload: Workload, key: string): Watched[] {
    const home = workload.metadata.namespace as string;
    const watched = new Map<string, Watched>();
    const wishes: RedeployWish[] = [];
    for (const asking of [workload, ...this.#packs.of(key)]) {
      const wish = this.#wishOf(asking);
      if (wish === undefined) continue;
      wishes.push(wish);
      const namespace = asking.metadata.namespace as string;
      const auto = wish.watch.auto ? watchedIn(workload.references, home, home) : [];
      for (const each of [...watchedIn(wish.watch.references, namespace, home), ...auto]) watched.set(each.text, each);
    }
    // The workload's own word comes before its Pack's.
    const quietMs = wishes.find((wish) => wish.quietMs !== undefined)?.quietMs;
    const minIntervalMs = wishes.find((wish) => wish.minIntervalMs !== undefined)?.minIntervalMs;
    this.#wishes.set(key, {
      ...(quietMs === undefined ? {} : { quietMs }),
      ...(minIntervalMs === undefined ? {} : { minIntervalMs }),
    });
    if (watched.size === 0) this.#wishes.delete(key);
    return [...watched.values()];
  }

  /** The webhook lets no wrong annotation through, but it may have been away. */
  #wishOf(object: KubeObject): RedeployWish | undefined {
    try {
      return readAnnotations(object.metadata.annotations);
    } catch (error) {
      if (!(error instanceof AnnotationError)) throw error;
      this.#context.recorder.event(object, "Warning", "InvalidWatchToRedeploy", error.message);
      return undefined;
    }
  }

  #contentChanged({ kind, namespace, name, entry, old }: ContentChange): void {
    if (entry === undefined || entry.hash === old?.hash) return;
    for (const key of this.#table.watchersOf(kind, namespace, name)) {
      if (old === undefined) {
        this.#queue.add(key);
        continue;
      }
      for (const watched of this.#table.of(key)) {
        if (watched.kind !== kind || watched.name !== name || watched.namespace !== namespace) continue;
        const keys =
          watched.key === undefined ? [...new Set([...old.keys.keys(), ...entry.keys.keys()])] : [watched.key];
        const changed = keys.filter((each) => old.keys.get(each) !== entry.keys.get(each));
        if (changed.length === 0) continue;
        this.#pending.changed(key, this.#quietOf(key), watched.text, changed);
        this.#queue.add(key);
      }
    }
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const workload = this.#workload(key);
    if (workload === undefined || workload.metadata.deletionTimestamp !== undefined) return this.#forget(key);
    const { hasher } = this.#context.content;
    const written = workload.metadata.annotations?.[stateKey];
    const watched = this.#table.of(key);
    if (watched.length === 0) {
      this.#settle(key);
      this.#states.delete(key);
      if (written !== undefined) await this.#patch(workload, { metadata: { annotations: { [stateKey]: null } } });
      return;
    }

    const known = this.#states.get(key);
    const remembered = known?.uid === workload.metadata.uid ? known?.state : undefined;
    const recorded = parseState(written, hasher.keyId) ?? (written === undefined ? remembered : undefined);
    const current = new Map(watched.map((each) => [each.text, this.#hashOf(each)]));
    const { next, changed } = compareState(recorded, current, hasher.keyId);
    const annotation = formatState(next);
    const metadata = { annotations: { [stateKey]: annotation } };
    if (changed.length === 0) {
      this.#settle(key);
      if (annotation !== written && (written !== undefined || Object.keys(next.seen).length > 0)) {
        await this.#patch(workload, { metadata });
      }
      this.#remember(key, workload, next);
      return;
    }

    if (remembered === undefined && recorded !== undefined) this.#remember(key, workload, recorded);
    const waitMs = Math.max(this.#pending.waitMs(key, this.#quietOf(key)), this.#intervalWaitMs(key, workload));
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    if (!this.#budget.take(key)) return;
    const template = { metadata: { annotations: { [restartedAtKey]: this.#restartTime(workload) } } };
    const { resourceVersion } = workload.metadata;
    try {
      // With the version: what is known here may be older than a restart that was just made.
      const restarted = await this.#patch(workload, { metadata: { ...metadata, resourceVersion }, spec: { template } });
      this.#budget.started(key, restarted.metadata.generation ?? 0);
    } catch (error) {
      this.#budget.done(key);
      if (isCode(error, 409)) return { requeueAfterMs: 5 };
      if (isCode(error, 404)) return;
      const message = `Could not restart after a change of ${changed.join(", ")}: ${messageOf(error)}`;
      this.#context.recorder.event(workload, "Warning", "RedeployFailed", message);
      throw error;
    }
    this.#remember(key, workload, next);
    this.#tell(key, workload, changed);
  }

  #tell(key: string, workload: Workload, changed: readonly string[]): void {
    const { recorder } = this.#context;
    const what = this.#pending.describe(key, changed);
    this.#pending.settle(key);
    recorder.event(workload, "Normal", "Redeployed", `Restarted: ${what} changed`);
    const name = `${workload.kind.toLowerCase()}/${workload.metadata.name}`;
    for (const pack of this.#packs.of(key)) {
      recorder.event(pack, "Normal", "Redeployed", `Restarted ${name}: ${what} changed`);
    }
  }

  #settle(key: string): void {
    this.#pending.settle(key);
    this.#budget.unneeded(key);
  }

  #forget(key: string): void {
    this.#table.set(key, []);
    this.#wishes.delete(key);
    this.#states.delete(key);
    this.#pending.settle(key);
    this.#budget.done(key);
  }

  #remember(key: string, { metadata }: Workload, state: RedeployState): void {
    this.#states.set(key, { uid: metadata.uid as string, state });
  }

  /** Bound to the name: equal secrets of two workloads cannot be told from their annotations. */
  #hashOf({ kind, namespace, name, key }: Watched): string | undefined {
    const { content } = this.#context;
    const entry = content.get(kind, namespace, name);
    const hash = key === undefined ? entry?.hash : entry?.keys.get(key);
    return hash === undefined ? undefined : content.hasher.of([kind, namespace, name, key ?? "", hash].join("\0"));
  }

  #quietOf(key: string): number {
    return this.#wishes.get(key)?.quietMs ?? this.#quietMs;
  }

  #intervalWaitMs(key: string, { restartedAt }: Workload): number {
    const { minIntervalMs = 0 } = this.#wishes.get(key) ?? {};
    const last = Date.parse(restartedAt ?? "");
    return Number.isNaN(last) ? 0 : last + minIntervalMs - this.#context.clock.now();
  }

  /** With milliseconds, unlike kubectl's: two restarts within one second are two. */
  #restartTime({ restartedAt }: Workload): string {
    const now = this.#context.clock.now();
    return new Date(Date.parse(restartedAt ?? "") === now ? now + 1 : now).toISOString();
  }

  #patch({ kind, metadata: { name, namespace, uid } }: Workload, patch: KubePatch): Promise<KubeObject> {
    const body = { ...patch, metadata: { ...patch.metadata, uid } };
    const resource = this.#context.client.resource(workloadRefs[kind]);
    return resource.patch(name as string, namespace, body, { type: "strategic", fieldManager });
  }

  #workload(key: string): Workload | undefined {
    const [kind, namespace, name] = key.split("/") as [WorkloadKind, string, string];
    return this.#workloads[kind].get(name, namespace);
  }
}

interface KubePatch {
  metadata: { annotations: Record<string, string | null>; resourceVersion?: string | undefined };
  spec?: object;
}

function keyOf({ kind, metadata }: KubeObject): string {
  return workloadKey(kind, metadata.namespace as string, metadata.name as string);
}
