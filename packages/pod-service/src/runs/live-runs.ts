import { type Client, type Clock, Informer, jobs, type Logger, pods } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { isCode } from "@podwright/kube/status";
import type { ObjectVersion } from "@podwright/kube/watch-event";
import { instanceLabel, tenantLabel } from "./names.ts";
import { isFinished, type Run, runOf } from "./run.ts";
import { type RunPlace, SortedRuns } from "./run-order.ts";

/** A run whose Pod or Job is in the cluster. */
export interface LiveRun extends RunPlace {
  tenant: string;
  run: Run;
  object: KubeObject;
  /** A change's number, rising: the id of server-sent events. */
  version: number;
  /** The answer to a read, made when first asked for. */
  json?: string;
}

export interface LiveRunsOptions {
  client: Client;
  instance: string;
  clock: Clock;
  logger: Logger;
}

/** `now` is undefined when the object is gone. */
export type LiveListener = (now: LiveRun | undefined, before: LiveRun | undefined) => void;

const unconfirmedForMs = 30_000;
const rememberedDeletions = 1_000;

/**
 * The Pods and Jobs of this service in all namespaces, followed by watches: every read is answered from here. What
 * was just created is here at once, whenever its watch event comes.
 */
export class LiveRuns {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #pods: Informer;
  readonly #jobs: Informer;
  readonly #byKey = new Map<string, LiveRun>();
  readonly #byTenant = new Map<string, SortedRuns<LiveRun>>();
  readonly #active = new Map<string, number>();
  #activeTotal = 0;
  readonly #listeners: LiveListener[] = [];
  /** By their uids. */
  readonly #unconfirmed = new Map<string, { run: LiveRun; at: number }>();
  readonly #gone = new Set<string>();
  #check: { cancel(): void } | undefined;
  #version = 0;
  #stopped = false;

  constructor({ client, instance, clock, logger }: LiveRunsOptions) {
    this.#client = client;
    this.#clock = clock;
    const options = {
      labelSelector: `${instanceLabel}=${instance}`,
      managedFields: false,
      // The event of a creation tells what its answer told.
      held: ({ uid, resourceVersion }: ObjectVersion) => {
        const object = this.#unconfirmed.get(uid)?.run.object;
        return object?.metadata.resourceVersion === resourceVersion ? object : undefined;
      },
      clock,
      logger,
    };
    this.#pods = new Informer(client.resource(pods), {
      ...options,
      indexes: { job: (pod) => (jobOf(pod) === undefined ? [] : [jobOf(pod) as string]) },
    });
    this.#jobs = new Informer(client.resource(jobs), options);
    this.#jobs.onChange({
      added: (job) => this.#changed(job),
      updated: (job) => this.#changed(job),
      deleted: (job) => this.#deleted(job),
    });
    this.#pods.onChange({
      added: (pod) => this.#podChanged(pod, false),
      updated: (pod) => this.#podChanged(pod, false),
      deleted: (pod) => this.#podChanged(pod, true),
    });
  }

  start(): void {
    this.#jobs.start();
    this.#pods.start();
  }

  async synced(): Promise<void> {
    await Promise.all([this.#jobs.synced(), this.#pods.synced()]);
  }

  get hasSynced(): boolean {
    return this.#jobs.hasSynced && this.#pods.hasSynced;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#check?.cancel();
    await Promise.all([this.#jobs.stop(), this.#pods.stop()]);
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(tenant: string, name: string): LiveRun | undefined {
    return this.#byKey.get(keyOf(tenant, name));
  }

  /** The newest first, after a place. */
  *list(tenant: string, after: RunPlace | undefined): Generator<LiveRun, void, undefined> {
    yield* this.#byTenant.get(tenant)?.from(after) ?? [];
  }

  all(): Iterable<LiveRun> {
    return this.#byKey.values();
  }

  /** Runs that are not finished: of a tenant, or of all. */
  active(tenant?: string): number {
    return tenant === undefined ? this.#activeTotal : (this.#active.get(tenant) ?? 0);
  }

  onChange(listener: LiveListener): void {
    this.#listeners.push(listener);
  }

  /** Takes in what the API server just answered to a create, without managedFields. */
  accept(object: KubeObject): LiveRun | undefined {
    if (this.#gone.has(object.metadata.uid as string)) return undefined;
    const key = keyOf(object.metadata.labels?.[tenantLabel] ?? "", object.metadata.name as string);
    const known = this.#byKey.get(key);
    if (known !== undefined && known.object.metadata.uid === object.metadata.uid) return known;
    const run = this.#put(object);
    this.#unconfirmed.set(object.metadata.uid as string, { run, at: this.#clock.now() });
    this.#check ??= this.#clock.after(unconfirmedForMs, () => void this.#confirm(), { background: true });
    return run;
  }

  // What no watch told of in a while may have gone before its watch began.
  async #confirm(): Promise<void> {
    this.#check = undefined;
    for (const [uid, { run, at }] of this.#unconfirmed) {
      if (this.#stopped || this.#clock.now() - at < unconfirmedForMs) break;
      this.#unconfirmed.delete(uid);
      const ref = run.object.kind === "Job" ? jobs : pods;
      try {
        await this.#client.resource(ref).get(run.name, run.run.namespace);
      } catch (error) {
        if (isCode(error, 404)) this.#deleted(run.object);
        else this.#unconfirmed.set(uid, { run, at: this.#clock.now() });
      }
    }
    if (this.#unconfirmed.size > 0 && !this.#stopped) {
      this.#check = this.#clock.after(unconfirmedForMs, () => void this.#confirm(), { background: true });
    }
  }

  #podChanged(pod: KubeObject, gone: boolean): void {
    const job = jobOf(pod);
    if (job === undefined) {
      if (gone) this.#deleted(pod);
      else this.#changed(pod);
      return;
    }
    const known = this.#jobs.getByKey(job);
    if (known !== undefined) this.#changed(known);
  }

  #changed(object: KubeObject): void {
    const answered = this.#unconfirmed.get(object.metadata.uid as string);
    this.#unconfirmed.delete(object.metadata.uid as string);
    if (answered?.run.object !== object) this.#put(object);
  }

  #put(object: KubeObject): LiveRun {
    const run = runOf(object, object.kind === "Job" ? this.#podOf(object) : undefined);
    const key = keyOf(run.tenant, run.name);
    const before = this.#byKey.get(key);
    const now: LiveRun = {
      tenant: run.tenant,
      name: run.name,
      at: Date.parse(run.createdAt) || 0,
      run,
      object,
      version: ++this.#version,
    };
    this.#byKey.set(key, now);
    let sorted = this.#byTenant.get(run.tenant);
    if (sorted === undefined) {
      sorted = new SortedRuns();
      this.#byTenant.set(run.tenant, sorted);
    }
    if (before !== undefined && before.at !== now.at) sorted.delete(before);
    sorted.set(now);
    this.#count(
      run.tenant,
      Number(!isFinished(run.phase)) - Number(before !== undefined && !isFinished(before.run.phase)),
    );
    for (const listener of this.#listeners) listener(now, before);
    return now;
  }

  #deleted(object: KubeObject): void {
    const tenant = object.metadata.labels?.[tenantLabel] ?? "";
    const key = keyOf(tenant, object.metadata.name as string);
    const uid = object.metadata.uid as string;
    this.#gone.add(uid);
    if (this.#gone.size > rememberedDeletions) this.#gone.delete(this.#gone.values().next().value as string);
    const before = this.#byKey.get(key);
    if (before === undefined || before.object.metadata.uid !== uid) return;
    this.#unconfirmed.delete(uid);
    this.#byKey.delete(key);
    const sorted = this.#byTenant.get(tenant);
    sorted?.delete(before);
    if (sorted?.size === 0) this.#byTenant.delete(tenant);
    // Its last state may say how it ended.
    const last = runOf(object, object.kind === "Job" ? this.#podOf(object) : undefined);
    const run = isFinished(last.phase) ? last : before.run;
    this.#count(tenant, isFinished(before.run.phase) ? 0 : -1);
    for (const listener of this.#listeners) listener(undefined, { ...before, run });
  }

  #podOf(job: KubeObject): KubeObject | undefined {
    const found = this.#pods.by("job", `${job.metadata.namespace}/${job.metadata.name}`);
    if (found.length <= 1) return found[0];
    return found.toSorted((a, b) =>
      (a.metadata.creationTimestamp ?? "") < (b.metadata.creationTimestamp ?? "") ? 1 : -1,
    )[0];
  }

  #count(tenant: string, change: number): void {
    if (change === 0) return;
    this.#activeTotal += change;
    const count = (this.#active.get(tenant) ?? 0) + change;
    if (count === 0) this.#active.delete(tenant);
    else this.#active.set(tenant, count);
  }
}

function keyOf(tenant: string, name: string): string {
  return `${tenant}\n${name}`;
}

/** "namespace/name" of the Job that a pod is of. */
function jobOf(pod: KubeObject): string | undefined {
  const owner = pod.metadata.ownerReferences?.find(({ kind, controller }) => kind === "Job" && controller === true);
  return owner === undefined ? undefined : `${pod.metadata.namespace}/${owner.name}`;
}
