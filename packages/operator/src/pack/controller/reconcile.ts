import type { ReconcileResult } from "@podwright/client";
import { canonicalJson, type JsonObject } from "@podwright/kube";
import { ChartError, type ResolvedChart } from "../charts/chart-source.ts";
import { checkDrift } from "../drift/check.ts";
import { HelmError } from "../helm/helm-error.ts";
import { requestedAtKey } from "../pack.ts";
import { awaitApproval } from "../plan/approval.ts";
import { releaseOf } from "../release/release-name.ts";
import { fetchRelease } from "../release/storage.ts";
import { ValuesError } from "../values/values-error.ts";
import { type Desired, decide, triesLeft } from "./decide.ts";
import { dependencyCycle, unmetDependencies } from "./dependencies.ts";
import { type PackState, PackStates } from "./pack-state.ts";
import { perform, recordRelease, targetOf, unlock } from "./perform.ts";
import { remediate } from "./remediate.ts";
import { runTests } from "./run-tests.ts";
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
  readonly #requests = new Map<string, string>();
  readonly #driftChecks = new Map<string, { generation: number | undefined; at: number }>();
  /** What runs, to end it when the Pack wants something else. */
  readonly #running = new Map<string, { abort: AbortController; generation: number | undefined; deleting: boolean }>();

  constructor(tools: PackTools) {
    this.#tools = tools;
    this.#states = new PackStates(tools.client, tools.packs, tools.clock);
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
      await finalize(tools, state, signal);
      const { uid = "" } = metadata;
      tools.desired.forget(uid);
      this.#driftChecks.delete(uid);
      this.#requests.delete(uid);
      return;
    }
    if (spec.suspend === true) {
      await state.write({ conditions: [["Suspended", "True", "Suspended", "spec.suspend is true: nothing is done"]] });
      return;
    }
    const requested = this.#wasRequested(state);
    if (!(metadata.finalizers ?? []).includes(packFinalizer)) {
      await state.setFinalizers([...(metadata.finalizers ?? []), packFinalizer]);
    }
    if (!(await this.#dependenciesMet(key, state))) return;

    let chart: ResolvedChart;
    let desired: Desired;
    try {
      chart = await tools.charts.resolve(state.pack);
      desired = await tools.desired.of(state.pack, chart);
    } catch (error) {
      return this.#cannotStart(state, error);
    }
    if (requested && (state.pack.status?.failures ?? 0) > 0) {
      this.#notBefore.delete(key);
      await state.write({ without: ["Stalled"], fields: { failures: 0 } });
    }
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
          return this.#settledDown(state, signal);
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

  /** The release is as wanted: what remains are tests, releases under former names, and the next look at the repository. */
  async #settledDown(state: PackState, signal: AbortSignal): Promise<ReconcileResult> {
    const tools = this.#tools;
    const { uid = "" } = state.pack.metadata;
    const { name, namespace } = releaseOf(state.pack);
    for (const former of tools.releases.ofPack(uid)) {
      if (former.name === name && former.namespace === namespace) continue;
      if (tools.releases.latest(former.namespace, former.name)?.packUid !== uid) continue;
      await uninstallRelease(tools, state, former, signal);
    }
    const tested = state.status.conditions?.find((condition) => condition.type === "Tested");
    if (state.pack.spec.test?.enable === true && tested?.status !== "True" && tested?.status !== "False") {
      await runTests(tools, state, targetOf(state.pack), signal);
    } else {
      const released = state.status.conditions?.find((condition) => condition.type === "Released");
      const testFailed = tested?.status === "False" && state.pack.spec.test?.ignoreFailures !== true;
      if (!testFailed) {
        const reason = released?.reason ?? "InstallSucceeded";
        const message = released?.message ?? `Release ${name} is installed`;
        await state.write({
          conditions: [["Ready", "True", reason, message]],
          without: ["Stalled", "Suspended"],
          fields: { dependsOn: undefined, plan: undefined },
        });
      }
    }
    await this.#lookForDrift(state);
    return { requeueAfterMs: intervalOf(state.pack) };
  }

  /** Once per interval, and at once after a change of the Pack. */
  async #lookForDrift(state: PackState): Promise<void> {
    const { uid = "", generation } = state.pack.metadata;
    if ((state.pack.spec.driftDetection?.mode ?? "off") === "off") return;
    const { name, namespace } = releaseOf(state.pack);
    const latest = this.#tools.releases.latest(namespace, name);
    if (latest === undefined) return;
    const last = this.#driftChecks.get(uid);
    const now = this.#tools.clock.now();
    if (last !== undefined && last.generation === generation && now < last.at + intervalOf(state.pack) * 0.9) return;
    this.#driftChecks.set(uid, { generation, at: now });
    await checkDrift(this.#tools, state, latest);
  }

  async #dependenciesMet(key: string, state: PackState): Promise<boolean> {
    const cycle = dependencyCycle(key, this.#tools.packs);
    if (cycle !== undefined) {
      const message = `spec.dependsOn goes in a circle: ${cycle.join(" → ")}`;
      await state.write({
        conditions: [
          ["Ready", "False", "DependencyCycle", message],
          ["Stalled", "True", "DependencyCycle", message],
        ],
        fields: { dependsOn: undefined },
      });
      return false;
    }
    const unmet = unmetDependencies(state.pack, this.#tools.packs);
    if (unmet.length === 0) return true;
    // What is installed stays as it is; the Packs' events bring this one back here.
    await state.write({
      conditions: [["Ready", "False", "DependencyNotReady", `Waiting: ${unmet.join(", ")}`]],
      without: ["Stalled", "Suspended"],
      fields: { dependsOn: unmet },
    });
    return false;
  }

  async #cannotStart(state: PackState, error: unknown): Promise<ReconcileResult> {
    if (!(error instanceof ChartError) && !(error instanceof ValuesError)) throw error;
    const chartError = error instanceof ChartError;
    const reason = chartError ? error.reason : "ValuesInvalid";
    await state.write({
      conditions: [
        ["Ready", "False", reason, error.message],
        ...(chartError && error.retry
          ? []
          : ([["Stalled", "True", reason, error.message]] as [string, "True", string, string][])),
      ],
      without: ["Suspended", ...(chartError && error.retry ? ["Stalled"] : [])],
    });
    this.#tools.recorder.event(state.pack, "Warning", reason, error.message);
    // With growing waits; a change of the repository or of a source comes by event.
    if (chartError && error.retry) throw error;
    return { requeueAfterMs: intervalOf(state.pack) };
  }

  /** Whether the annotation has a value not seen yet. One that is there at the first look after a start is old. */
  #wasRequested(state: PackState): boolean {
    const uid = state.pack.metadata.uid ?? "";
    const value = state.pack.metadata.annotations?.[requestedAtKey] ?? "";
    const before = this.#requests.get(uid);
    this.#requests.set(uid, value);
    return before !== undefined && before !== value && value !== "";
  }
}
