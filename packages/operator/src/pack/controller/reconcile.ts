import type { ReconcileResult } from "@podwright/client";
import { canonicalJson, type JsonObject } from "@podwright/kube";
import { ChartError, type ResolvedChart } from "../charts/chart-source.ts";
import { DriftKeeper } from "../drift/drift-keeper.ts";
import { HelmError } from "../helm/helm-error.ts";
import { requestedAtKey } from "../pack.ts";
import { awaitApproval, tellPlan } from "../plan/approval.ts";
import { releaseOf } from "../release/release-name.ts";
import { fetchRelease } from "../release/storage.ts";
import { ValuesError } from "../values/values-error.ts";
import { type Desired, decide, triesLeft } from "./decide.ts";
import { cannotStart, dependenciesMet, isInstalledAsWritten } from "./not-started.ts";
import { type PackState, PackStates } from "./pack-state.ts";
import { perform, unlock } from "./perform.ts";
import { recordRelease } from "./record.ts";
import { remediate } from "./remediate.ts";
import { settledDown } from "./settled.ts";
import { intervalOf, timeoutOf } from "./times.ts";
import type { PackTools } from "./tools.ts";
import { finalize, packFinalizer, uninstallRelease } from "./uninstall.ts";

const longestRetryMs = 5 * 60_000;
/** So many steps one after the other lead nowhere. */
const stepLimit = 8;

/** Brings releases to what Packs ask for, a step at a time. */
export class PackReconciler {
  readonly #tools: PackTools;
  readonly #states: PackStates;
  /** Not before this time is a failed revision tried again. */
  readonly #notBefore = new Map<string, { desired: string; at: number }>();
  readonly #drift: DriftKeeper;
  /** What runs, to end it when the Pack wants something else. */
  readonly #running = new Map<string, { abort: AbortController; generation: number | undefined; deleting: boolean }>();

  /** @param look is told of Packs that should be reconciled after a time */
  constructor(tools: PackTools, look: (key: string, afterMs: number) => void) {
    this.#tools = tools;
    this.#drift = new DriftKeeper(tools, look);
    this.#states = new PackStates(tools.client, tools.packs, tools.clock);
  }

  /** Nothing is watched any more. */
  stop(): Promise<void> {
    return this.#drift.stop();
  }

  /** A Pack changed: a helm that waits for what is not wanted any more ends. */
  interrupt(key: string): void {
    const running = this.#running.get(key);
    if (running === undefined) return;
    const pack = this.#tools.packs.getByKey(key);
    const deleting = pack?.metadata.deletionTimestamp !== undefined;
    if (pack?.metadata.generation !== running.generation || (deleting && !running.deleting)) running.abort.abort();
  }

  async reconcile(key: string): Promise<ReconcileResult> {
    const state = this.#states.open(key);
    if (state === undefined) {
      this.#notBefore.delete(key);
      await this.#drift.forget(key);
      return;
    }
    const { generation, deletionTimestamp } = state.pack.metadata;
    const abort = new AbortController();
    this.#running.set(key, { abort, generation, deleting: deletionTimestamp !== undefined });
    this.interrupt(key);
    try {
      return await this.#reconcile(key, state, abort.signal);
    } catch (error) {
      if (error instanceof HelmError && error.aborted) return { requeueAfterMs: 1 };
      throw error;
    } finally {
      this.#running.delete(key);
    }
  }

  async #reconcile(key: string, state: PackState, signal: AbortSignal): Promise<ReconcileResult> {
    const tools = this.#tools;
    const { metadata, spec } = state.pack;
    if (metadata.deletionTimestamp !== undefined) {
      await this.#drift.forget(key);
      await finalize(tools, state, signal);
      tools.desired.forget(metadata.uid ?? "");
      return;
    }
    if (spec.suspend === true) {
      await this.#drift.forget(key);
      await state.write({ conditions: [["Suspended", "True", "Suspended", "spec.suspend is true: nothing is done"]] });
      return;
    }
    if (!(metadata.finalizers ?? []).includes(packFinalizer)) {
      await state.setFinalizers([...(metadata.finalizers ?? []), packFinalizer]);
    }
    if (!(await dependenciesMet(tools, key, state))) return;

    let chart: ResolvedChart;
    let desired: Desired;
    try {
      chart = await tools.charts.resolve(state.pack);
      desired = await tools.desired.of(state.pack, chart);
    } catch (error) {
      return this.#withoutChart(state, error, signal);
    }
    await this.#seeToRequest(key, state);
    return this.#steps(key, state, chart, desired, signal);
  }

  async #steps(
    key: string,
    state: PackState,
    chart: ResolvedChart,
    desired: Desired,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const tools = this.#tools;
    const { name, namespace } = releaseOf(state.pack);
    let differs = false;
    for (let count = 0; count < stepLimit; count++) {
      let step = decide({
        pack: state.pack,
        desired,
        latest: tools.releases.latest(namespace, name),
        packExists: (uid) => tools.packs.list().some((pack) => pack.metadata.uid === uid),
        timeoutMs: timeoutOf(state.pack),
        nowMs: tools.clock.now(),
      });
      if (step.do === "compare" && differs) step = { do: "upgrade", from: step.release };
      switch (step.do) {
        case "nothing":
          return settledDown(tools, this.#drift, state, signal);
        case "compare":
          differs = !(await this.#adopt(state, chart, desired, step));
          break;
        case "unlock":
          await unlock(tools, state.pack, step.release);
          break;
        case "uninstall-rest":
          await uninstallRelease(tools, state, { namespace, name }, signal);
          break;
        case "wait": {
          const message = `Another helm works on release ${name} (${step.release.status}, revision ${step.release.revision})`;
          await state.write({ conditions: [["Ready", "False", "ReleaseBusy", message]] });
          return { requeueAfterMs: Math.max(step.until - tools.clock.now(), 1_000) };
        }
        case "foreign": {
          const { owner } = step;
          const pack = tools.packs.list().find((each) => each.metadata.uid === owner);
          const message = `Release ${name} in ${namespace} belongs to Pack ${pack?.metadata.namespace}/${pack?.metadata.name}: set another spec.releaseName`;
          await state.write({
            conditions: [
              ["Ready", "False", "ReleaseTaken", message],
              ["Stalled", "True", "ReleaseTaken", message],
            ],
          });
          return { requeueAfterMs: intervalOf(state.pack) };
        }
        case "give-up": {
          const message = `Given up after ${state.pack.status?.failures} failed attempts; a change of the Pack or its annotation ${requestedAtKey} starts anew`;
          await state.write({ conditions: [["Stalled", "True", "RetriesExceeded", message]] });
          return { requeueAfterMs: intervalOf(state.pack) };
        }
        case "install":
        case "upgrade": {
          const wait = this.#notBefore.get(key);
          if (wait?.desired === desired.key && wait.at > tools.clock.now()) {
            return { requeueAfterMs: wait.at - tools.clock.now() };
          }
          if (
            state.pack.spec.approval === "manual" &&
            !(await awaitApproval(tools, state, { step, chart, desired, signal }))
          ) {
            return { requeueAfterMs: intervalOf(state.pack) };
          }
          if (step.do === "upgrade" && state.pack.spec.approval !== "manual") {
            await tellPlan(tools, state, { step, chart, desired, signal });
          }
          const action = step.do;
          const replace = step.do === "install" && step.replace;
          if (await perform(tools, state, { action, replace, chart, desired, signal })) break;
          await remediate(tools, state, action, signal);
          if (triesLeft(state.pack, desired, action === "upgrade") > 0) {
            const delayMs = Math.min(
              longestRetryMs,
              tools.retryDelayMs * 2 ** ((state.pack.status?.failures ?? 1) - 1),
            );
            this.#notBefore.set(key, { desired: desired.key, at: tools.clock.now() + delayMs });
          }
          break;
        }
      }
    }
    throw new Error(`Pack ${key}: the release changes all the time`);
  }

  async #adopt(
    state: PackState,
    chart: ResolvedChart,
    desired: Desired,
    step: { release: Parameters<typeof fetchRelease>[1]; known: boolean },
  ): Promise<boolean> {
    const tools = this.#tools;
    const release = await fetchRelease(tools.client, step.release);
    if (release === undefined) return false;
    if (!step.known) {
      const { name, version } = release.chart?.metadata ?? {};
      // Patches after rendering cannot be told from a release; so it is made again.
      if (name !== chart.name || version !== chart.version || (state.pack.spec.postRender?.length ?? 0) > 0)
        return false;
      const { values } = await tools.desired.values(state.pack);
      if (canonicalJson((release.config ?? {}) as JsonObject) !== canonicalJson(values)) return false;
    }
    await recordRelease(tools, state, { release, chart, desired, action: "adopt" });
    const message = `Release ${release.name} revision ${release.version} is as wanted: taken over without a change`;
    tools.recorder.event(state.pack, "Normal", "Adopted", message);
    return true;
  }

  /** The chart or the values cannot be had. */
  async #withoutChart(state: PackState, error: unknown, signal: AbortSignal): Promise<ReconcileResult> {
    if (!(error instanceof ChartError) && !(error instanceof ValuesError)) throw error;
    const tools = this.#tools;
    if (error instanceof ValuesError || !(await isInstalledAsWritten(tools, state))) {
      return cannotStart(tools, state, error);
    }
    const message = `${error.message}; what is installed stays as it is`;
    const told = state.status.conditions?.find(({ type }) => type === "ChartAvailable");
    if (told?.message !== message) tools.recorder.event(state.pack, "Warning", error.reason, message);
    await state.write({ conditions: [["ChartAvailable", "False", error.reason, message]] });
    const result = await settledDown(tools, this.#drift, state, signal, false);
    if (error.retry) throw error;
    return result;
  }

  /** Whether the annotation has a value that was not seen to yet: then it is now, and failures count no more. */
  async #seeToRequest(key: string, state: PackState): Promise<void> {
    const value = state.pack.metadata.annotations?.[requestedAtKey] ?? "";
    if (value === "" || value === state.status.lastHandledRequest) return;
    this.#notBefore.delete(key);
    await this.#drift.forget(key);
    const failed = (state.status.failures ?? 0) > 0;
    await state.write({
      aside: true,
      ...(failed ? { without: ["Stalled"] } : {}),
      fields: { lastHandledRequest: value, ...(failed ? { failures: 0 } : {}) },
    });
  }
}
