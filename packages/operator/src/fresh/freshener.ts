import type { Client, ReconcileResult } from "@podwright/client";
import { type Clock, type EventRecorder, type Informer, type Logger, type Timer, WorkQueue } from "@podwright/client";
import { isCode, type KubeObject, messageOf } from "@podwright/kube";
import type { ImageCatalog } from "./catalog.ts";
import { Gathering } from "./gathering.ts";
import type { Candidate } from "./image.ts";
import { fieldManager, retryKey, stateKey } from "./keys.ts";
import { KnownStates } from "./known-states.ts";
import type { NodeFacts } from "./placement.ts";
import { type PodFacts, PodIndex } from "./pod-index.ts";
import type { Policy } from "./policy.ts";
import { RepositoryTable } from "./repository-table.ts";
import { planRollout, type RolloutPlan } from "./rollout-plan.ts";
import { type FreshOptions, inScope, type NamespaceWish, type Scope, settingsOf } from "./settings.ts";
import { type FreshState, formatState, sameState } from "./state.ts";
import { imagesOf, TemplateTimes } from "./template-times.ts";
import { keyOf, templatePatch, type Workload, type WorkloadKind, withChanges, workloadRefs } from "./workload.ts";

export interface FreshInformers {
  workloads: Readonly<Record<WorkloadKind, Informer<Workload>>>;
  pods: Informer<PodFacts>;
  nodes: Informer<KubeObject & { facts: NodeFacts }>;
  namespaces: Informer<KubeObject & NamespaceWish>;
}

export interface FreshContext {
  client: Client;
  recorder: EventRecorder;
  clock: Clock;
  logger: Logger;
  catalog: ImageCatalog;
  /** Whether an image is still where it was seen, asked right before it is rolled out. */
  confirm?: (candidate: Candidate) => Promise<boolean>;
}

/** Rolls new images out to the workloads that use their repository, and takes back what does not become ready. */
export class Freshener {
  readonly #context: FreshContext;
  readonly #informers: FreshInformers;
  readonly #scope: Scope;
  readonly #times: { deadlineMs: number; settleMs: number };
  readonly #queue: WorkQueue;
  readonly #gathering: Gathering;
  readonly #table = new RepositoryTable();
  readonly #states = new KnownStates();
  readonly #templateTimes = new TemplateTimes();
  readonly #readySince = new Map<string, { generation: number; at: number }>();
  readonly #waiting = new Set<string>();
  readonly #told = new Map<string, string>();
  readonly #leave: (() => void)[] = [];
  readonly #wishHandlers = new Set<() => void>();
  #wishTimer: Timer | undefined;
  #pods: PodIndex | undefined;

  constructor(context: FreshContext, informers: FreshInformers, options: FreshOptions = {}) {
    this.#context = context;
    this.#informers = informers;
    this.#scope = options.scope ?? "opt-in";
    this.#times = { deadlineMs: options.deadlineMs ?? 120_000, settleMs: options.settleMs ?? 5_000 };
    this.#gathering = new Gathering(options.gatherMs ?? 250, context.clock);
    this.#queue = new WorkQueue({
      reconcile: (key) => this.#reconcile(key),
      concurrency: 16,
      maxBackoffMs: 30_000,
      clock: context.clock,
      onError: (key, error, failures) =>
        context.logger.warn("fresh failed", { workload: key, error: messageOf(error), failures }),
    });
  }

  /** @param earlier states that others have written, by the workload's uid; see earlierStates */
  start(earlier: ReadonlyMap<string, FreshState> = new Map()): void {
    const { catalog, clock } = this.#context;
    for (const workload of this.#informers.workloads.Deployment.list()) {
      const state = earlier.get(workload.metadata.uid as string);
      if (state !== undefined) this.#states.recover(keyOf(workload), workload, state);
    }
    for (const informer of Object.values(this.#informers.workloads)) {
      this.#leave.push(
        informer.onChange({
          added: (workload) => this.#take(workload),
          updated: (workload, old) => this.#take(workload, old),
          deleted: (workload) => this.#forget(keyOf(workload)),
        }),
      );
    }
    this.#pods = new PodIndex(this.#informers.pods, clock, (workload) => {
      if (this.#concerned(workload)) this.#queue.add(workload);
    });
    this.#leave.push(
      catalog.onChange((repository, appearedAt) => {
        for (const key of this.#table.workloadsOf(repository)) {
          this.#gathering.add(key, appearedAt);
          this.#queue.addAfter(key, this.#gathering.waitMs(key));
        }
      }),
      this.#informers.nodes.onChange({
        added: () => this.#lookAgain(),
        updated: (node, old) => {
          if (JSON.stringify(node.facts) !== JSON.stringify(old.facts)) this.#lookAgain();
        },
        deleted: () => this.#lookAgain(),
      }),
      this.#informers.namespaces.onChange({
        updated: (namespace, old) => {
          if (
            JSON.stringify([namespace.labels, namespace.annotations]) !== JSON.stringify([old.labels, old.annotations])
          ) {
            this.#takeNamespace(namespace.metadata.name as string);
          }
        },
      }),
    );
    this.#queue.start();
  }

  async stop(): Promise<void> {
    for (const leave of this.#leave) leave();
    this.#wishTimer?.cancel();
    this.#pods?.stop();
    await this.#queue.stop();
  }

  /** The workloads that are kept fresh, with their policies. */
  *wishes(): Generator<{ workload: Workload; policy: Policy }, void, undefined> {
    for (const informer of Object.values(this.#informers.workloads)) {
      for (const workload of informer.list()) {
        if (!this.#inScope(workload)) continue;
        yield { workload, policy: settingsOf(workload, this.#namespaceOf(workload), this.#times).policy };
      }
    }
  }

  /** Told at once, and whenever a workload is another. Gives a function that ends it. */
  onWishes(handler: () => void): () => void {
    this.#wishHandlers.add(handler);
    handler();
    return () => this.#wishHandlers.delete(handler);
  }

  #take(workload: Workload, old?: Workload): void {
    const key = keyOf(workload);
    this.#templateTimes.note(key, workload, this.#context.clock.now());
    this.#table.set(key, this.#inScope(workload) ? workload.containers.map(({ image }) => image) : []);
    if (old !== undefined && signature(workload) === signature(old)) return;
    this.#tellWishes();
    if (this.#concerned(key) || workload.metadata.annotations?.[stateKey] !== undefined) this.#queue.add(key);
  }

  /** Once for all that come together: with thousands of workloads at the start. */
  #tellWishes(): void {
    if (this.#wishHandlers.size === 0 || this.#wishTimer !== undefined) return;
    this.#wishTimer = this.#context.clock.after(100, () => {
      this.#wishTimer = undefined;
      for (const handler of this.#wishHandlers) handler();
    });
  }

  #takeNamespace(name: string): void {
    for (const informer of Object.values(this.#informers.workloads)) {
      for (const workload of informer.list()) if (workload.metadata.namespace === name) this.#take(workload);
    }
  }

  /** Whether there is any image that it could get. */
  #concerned(key: string): boolean {
    return this.#table.repositoriesOf(key).some((each) => this.#context.catalog.has(each));
  }

  #lookAgain(): void {
    for (const key of this.#waiting) this.#queue.add(key);
  }

  #inScope(workload: Workload): boolean {
    return inScope(this.#scope, workload, this.#namespaceOf(workload));
  }

  #namespaceOf({ metadata }: Workload): NamespaceWish | undefined {
    return this.#informers.namespaces.get(metadata.namespace as string);
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const workload = this.#workload(key);
    if (workload === undefined || workload.metadata.deletionTimestamp !== undefined) return this.#forget(key);
    this.#waiting.delete(key);
    if (!this.#inScope(workload)) return;
    if (this.#states.isBehind(key, workload)) return;
    const settings = settingsOf(workload, this.#namespaceOf(workload), this.#times);
    this.#tellErrors(key, workload, settings.errors);

    const gatherMs = this.#gathering.waitMs(key);
    const before = this.#states.of(key, workload);
    const readySince = this.#noteReady(key, workload);
    const plan = planRollout({
      workload,
      state: before,
      settings,
      now: this.#context.clock.now(),
      settleMs: this.#times.settleMs,
      baselineAt: this.#templateTimes.at(key),
      readySince,
      gathered: gatherMs === 0,
      catalog: this.#context.catalog,
      pods: this.#pods as PodIndex,
      nodes: this.#informers.nodes.list().map(({ facts }) => facts),
    });
    if (gatherMs === 0) this.#gathering.close(key);
    if (plan.state.waiting.length > 0) this.#waiting.add(key);
    if (!(await this.#confirmed(plan))) return { requeueAfterMs: 50 };
    const conflict = await this.#write(key, workload, before, plan);
    if (conflict) return { requeueAfterMs: 10 };
    const waits = [gatherMs, plan.lookAgainMs ?? 0].filter((ms) => ms > 0);
    return waits.length === 0 ? undefined : { requeueAfterMs: Math.min(...waits) };
  }

  async #confirmed({ rolled }: RolloutPlan): Promise<boolean> {
    const { confirm } = this.#context;
    if (confirm === undefined) return true;
    const answers = await Promise.all(rolled.map((candidate) => confirm(candidate)));
    return answers.every(Boolean);
  }

  /** Writes what is to change in one patch; true when somebody else was faster. */
  async #write(key: string, workload: Workload, before: FreshState, plan: RolloutPlan): Promise<boolean> {
    const { changes, events } = plan;
    const { uid, resourceVersion } = workload.metadata;
    const asked = workload.metadata.annotations?.[retryKey] !== undefined;
    const lost = this.#states.isLost(key, workload, before);
    if (changes.length === 0 && sameState(before, plan.state) && !asked && !lost) return false;
    const state = { ...plan.state, serial: before.serial + 1 };
    const annotations = { [stateKey]: formatState(state), ...(asked ? { [retryKey]: null } : {}) };
    const patch = {
      // With the version where pods are restarted: what is known here may be older than what somebody just did.
      metadata: { uid, annotations, ...(changes.length === 0 ? {} : { resourceVersion }) },
      ...(changes.length === 0 ? {} : { spec: templatePatch(workload.kind, changes) }),
    };
    this.#templateTimes.expect(key, { containers: withChanges(workload.containers, changes) });
    try {
      const { name, namespace } = workload.metadata;
      const resource = this.#context.client.resource(workloadRefs[workload.kind]);
      const result = await resource.patch(name as string, namespace, patch, { type: "strategic", fieldManager });
      this.#states.wrote(key, uid as string, result.metadata.generation ?? 0, state);
    } catch (error) {
      if (isCode(error, 409)) return true;
      if (isCode(error, 404)) return false;
      if (changes.length > 0) {
        const message = `Could not give it another image: ${messageOf(error)}`;
        this.#context.recorder.event(workload, "Warning", "FreshFailed", message);
      }
      throw error;
    }
    for (const { type, reason, message } of events) this.#context.recorder.event(workload, type, reason, message);
    return false;
  }

  /** Since when all its pods are ready without a break; undefined while they are not. */
  #noteReady(key: string, { rolledOut, metadata }: Workload): number | undefined {
    const generation = metadata.generation as number;
    if (!rolledOut) {
      this.#readySince.delete(key);
      return undefined;
    }
    const known = this.#readySince.get(key);
    if (known?.generation === generation) return known.at;
    const at = this.#context.clock.now();
    this.#readySince.set(key, { generation, at });
    return at;
  }

  #tellErrors(key: string, workload: Workload, errors: readonly string[]): void {
    const text = errors.join("; ");
    if ((this.#told.get(key) ?? "") === text) return;
    if (text === "") this.#told.delete(key);
    else {
      this.#told.set(key, text);
      this.#context.recorder.event(workload, "Warning", "InvalidFreshPolicy", text);
    }
  }

  #forget(key: string): void {
    this.#table.set(key, []);
    this.#gathering.close(key);
    this.#waiting.delete(key);
    this.#templateTimes.forget(key);
    this.#states.forget(key);
    for (const map of [this.#readySince, this.#told]) map.delete(key);
  }

  #workload(key: string): Workload | undefined {
    const [kind, namespace, name] = key.split("/") as [WorkloadKind, string, string];
    return this.#informers.workloads[kind]?.get(name, namespace);
  }
}

function signature(workload: Workload): string {
  const { generation, annotations, labels } = workload.metadata;
  return JSON.stringify([generation, annotations, labels, workload.rolledOut, imagesOf(workload)]);
}
