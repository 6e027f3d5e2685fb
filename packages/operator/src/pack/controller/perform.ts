import type { ResolvedChart } from "../charts/chart-source.ts";
import type { ChartOptions, HelmTarget } from "../helm/helm.ts";
import { HelmError } from "../helm/helm-error.ts";
import type { Pack, ReleaseRecord } from "../pack.ts";
import { postRendererOf } from "../post-render/plugin.ts";
import { inventoryEntry, parseManifest } from "../release/manifest.ts";
import type { HelmRelease } from "../release/release.ts";
import { attemptLabels, type Revision } from "../release/release-index.ts";
import { releaseOf } from "../release/release-name.ts";
import { fetchRelease, unlockRelease } from "../release/storage.ts";
import { timeOf } from "./conditions.ts";
import { putCrds } from "./crds.ts";
import type { Desired } from "./decide.ts";
import { withoutSecrets } from "./desired.ts";
import { failureCause } from "./failure-cause.ts";
import type { PackState } from "./pack-state.ts";
import { followProgress } from "./progress.ts";
import { timeoutOf } from "./times.ts";
import type { PackTools } from "./tools.ts";

/** The release that a Pack is about, and as whom helm acts. */
export function targetOf(pack: Pack): HelmTarget {
  const { name, namespace } = releaseOf(pack);
  const { serviceAccountName } = pack.spec;
  return {
    release: name,
    namespace,
    ...(serviceAccountName ? { user: `system:serviceaccount:${pack.metadata.namespace}:${serviceAccountName}` } : {}),
  };
}

/** What helm is given of a Pack, but for what an action adds. */
export async function chartOptions(
  tools: PackTools,
  pack: Pack,
  chart: ResolvedChart,
  action: "install" | "upgrade",
): Promise<{ options: ChartOptions; secretTexts: string[] }> {
  const { values, secretTexts } = await tools.desired.values(pack);
  const given = pack.spec[action];
  const postRenderer = await postRendererOf(tools.helm.plugins, pack);
  return {
    secretTexts,
    options: {
      chart: chart.path,
      values,
      timeoutMs: timeoutOf(pack),
      wait: given?.wait ?? true,
      disableHooks: given?.disableHooks ?? false,
      skipCrds: (given?.crds ?? "Create") !== "Create",
      ...(postRenderer !== undefined ? { postRenderer } : {}),
    },
  };
}

/**
 * Installs or upgrades, tells how it goes in the status, and what came of it. True when the release is as wanted; false
 * when it failed and the status counts it. Throws when nothing was tried, and HelmError with `aborted`.
 */
export async function perform(
  tools: PackTools,
  state: PackState,
  given: {
    action: "install" | "upgrade";
    replace: boolean;
    chart: ResolvedChart;
    desired: Desired;
    signal: AbortSignal;
  },
): Promise<boolean> {
  const { action, chart, desired, signal } = given;
  const { pack } = state;
  const target = targetOf(pack);
  const { options, secretTexts } = await chartOptions(tools, pack, chart, action);
  const latest = tools.releases.latest(target.namespace, target.release);
  const revision = (latest?.revision ?? 0) + 1;
  const what = `${chart.name} ${chart.version}`;
  const attempt = { version: chart.version, digest: desired.chartDigest, configDigest: desired.configDigest };
  const attempted = pack.status?.lastAttempted;
  const again = attempted?.digest === attempt.digest && attempted.configDigest === attempt.configDigest;
  const failures = again ? (pack.status?.failures ?? 0) : 0;
  const doing = action === "install" ? `Installing ${what}` : `Upgrading to ${what}`;
  await state.write({
    conditions: [["Ready", "Unknown", "Progressing", doing]],
    without: ["Stalled", "Suspended"],
    fields: { lastAttempted: attempt, failures, dependsOn: undefined },
  });

  const ended = new AbortController();
  const telling = tellProgress(
    tools,
    state,
    { namespace: target.namespace, release: target.release, revision },
    doing,
    ended.signal,
  );
  let release: HelmRelease;
  try {
    if ((pack.spec[action]?.crds ?? (action === "install" ? "Create" : "Skip")) !== "Skip") {
      await putCrds(tools, pack, chart, action, signal);
    }
    const labels = attemptLabels(pack.metadata.uid ?? "", revision, desired.key);
    release = await tools.slots.run(() =>
      action === "install"
        ? tools.helm.install(target, { ...options, labels, replace: given.replace, signal })
        : tools.helm.upgrade(target, { ...options, labels, maxHistory: pack.spec.maxHistory ?? 10, signal }),
    );
  } catch (error) {
    ended.abort();
    await telling;
    await tools.releases.settled(target.namespace, target.release);
    if (!(error instanceof HelmError)) throw error;
    await unlockOwn(tools, pack, target);
    if (error.aborted) throw error;
    await failed(tools, state, { ...given, revision, message: withoutSecrets(error.message, secretTexts), failures });
    return false;
  }
  ended.abort();
  await Promise.all([telling, tools.releases.settled(target.namespace, target.release)]);
  await recordRelease(tools, state, { release, chart, desired, action });
  const done = `${action === "install" ? "Installed" : "Upgraded to"} ${what}, revision ${release.version}`;
  tools.recorder.event(pack, "Normal", action === "install" ? "Installed" : "Upgraded", done);
  return true;
}

/** Puts into the status that the release is what is wanted. */
export async function recordRelease(
  tools: PackTools,
  state: PackState,
  given: { release: HelmRelease; chart: ResolvedChart; desired: Desired; action: string },
): Promise<void> {
  const { release, chart, desired, action } = given;
  const words: Record<string, string> = { install: "Installed", upgrade: "Upgraded to", adopt: "Adopted" };
  const message = `${words[action]} ${chart.name} ${chart.version}, revision ${release.version} of release ${release.name}`;
  const reason = `${{ install: "Install", upgrade: "Upgrade" }[action] ?? "Adoption"}Succeeded`;
  const attempt = { version: chart.version, digest: desired.chartDigest, configDigest: desired.configDigest };
  const tested = state.pack.spec.test?.enable === true;
  const { appVersion } = chart;
  await state.write({
    conditions: [
      ["Released", "True", reason, message],
      ...(tested
        ? ([["Tested", "Unknown", "Pending", `revision ${release.version} is to be tested`]] as const).map(
            (each) => [...each] as [string, "Unknown", string, string],
          )
        : ([["Ready", "True", reason, message]] as [string, "True", string, string][])),
    ],
    without: ["Stalled", "Suspended", "Remediated", "Drifted", ...(tested ? [] : ["Tested"])],
    fields: {
      chart: { name: chart.name, version: chart.version, digest: desired.chartDigest },
      lastAttempted: attempt,
      lastApplied: { ...attempt, revision: release.version },
      failures: 0,
      plan: undefined,
      dependsOn: undefined,
      inventory: (await parseManifest(release.manifest ?? "")).map(inventoryEntry),
      history: history(tools, state.pack, {
        revision: release.version,
        chartVersion: chart.version,
        ...(appVersion !== undefined ? { appVersion } : {}),
        digest: desired.chartDigest,
        configDigest: desired.configDigest,
        status: release.info.status,
        action,
        time: timeOf(tools.clock.now()),
      }),
    },
  });
}

/** The history with a new entry; the states of the others are helm's. */
export function history(tools: PackTools, pack: Pack, entry: ReleaseRecord): ReleaseRecord[] {
  const { name, namespace } = releaseOf(pack);
  const kept = new Map(tools.releases.history(namespace, name).map((each) => [each.revision, each.status]));
  const others = (pack.status?.history ?? []).filter((each) => each.revision !== entry.revision);
  return [entry, ...others.map((each) => ({ ...each, status: kept.get(each.revision) ?? each.status }))]
    .sort((a, b) => b.revision - a.revision)
    .slice(0, pack.spec.maxHistory || 10);
}

/** A pending release after its helm has ended will stay so: it is marked as failed. */
export async function unlockOwn(tools: PackTools, pack: Pack, target: HelmTarget): Promise<void> {
  const latest = tools.releases.latest(target.namespace, target.release);
  if (latest === undefined || !latest.status.startsWith("pending-")) return;
  // By the label, or by what was last tried: a rollback has no label.
  await unlock(tools, pack, latest);
}

/** Marks a pending revision as failed. */
export async function unlock(tools: PackTools, pack: Pack, revision: Revision): Promise<void> {
  await unlockRelease(tools.client, revision);
  await tools.releases.settled(revision.namespace, revision.release);
  const message = `Release ${revision.release} revision ${revision.revision} was ${revision.status} with no helm at work; marked as failed`;
  tools.recorder.event(pack, "Warning", "Unlocked", message);
}

async function failed(
  tools: PackTools,
  state: PackState,
  given: {
    action: "install" | "upgrade";
    chart: ResolvedChart;
    desired: Desired;
    revision: number;
    message: string;
    failures: number;
    signal: AbortSignal;
  },
): Promise<void> {
  const { action, chart, desired } = given;
  const target = targetOf(state.pack);
  const latest = tools.releases.latest(target.namespace, target.release);
  const release = latest?.revision === given.revision ? await fetchRelease(tools.client, latest) : undefined;
  const cause = release === undefined ? "" : await failureCause(tools.client, release, given.signal);
  const reason = action === "install" ? "InstallFailed" : "UpgradeFailed";
  const verb = action === "install" ? "Installing" : "Upgrading to";
  const message = `${verb} ${chart.name} ${chart.version} failed: ${[given.message, cause].filter((part) => part !== "").join("; ")}`;
  const { appVersion } = chart;
  await state.write({
    conditions: [
      ["Ready", "False", reason, message],
      ["Released", "False", reason, message],
    ],
    without: ["Remediated"],
    fields: {
      failures: given.failures + 1,
      ...(release === undefined
        ? {}
        : {
            history: history(tools, state.pack, {
              revision: given.revision,
              chartVersion: chart.version,
              ...(appVersion !== undefined ? { appVersion } : {}),
              digest: desired.chartDigest,
              configDigest: desired.configDigest,
              status: "failed",
              action,
              time: timeOf(tools.clock.now()),
            }),
          }),
    },
  });
  tools.recorder.event(state.pack, "Warning", reason, message);
}

/** When helm takes its time, the status tells what it waits for. Never rejects. */
async function tellProgress(
  tools: PackTools,
  state: PackState,
  which: { namespace: string; release: string; revision: number },
  doing: string,
  signal: AbortSignal,
): Promise<void> {
  const late = await new Promise<boolean>((resolve) => {
    const timer = tools.clock.after(tools.progressAfterMs, () => resolve(true), { background: true });
    signal.addEventListener("abort", () => {
      timer.cancel();
      resolve(false);
    });
  });
  if (!late || signal.aborted) return;
  try {
    const revision = tools.releases.latest(which.namespace, which.release);
    const release = revision?.revision === which.revision ? await fetchRelease(tools.client, revision) : undefined;
    if (release === undefined) return;
    await followProgress({
      client: tools.client,
      clock: tools.clock,
      release,
      signal,
      tell: (message) =>
        signal.aborted
          ? Promise.resolve()
          : state.write({ conditions: [["Ready", "Unknown", "Progressing", `${doing}: ${message}`]] }),
    });
  } catch {
    // Telling is not worth a failure.
  }
}
