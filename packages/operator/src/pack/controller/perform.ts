import { type Client, namespaces } from "@podwright/client";
import { isCode } from "@podwright/kube";
import type { ResolvedChart } from "../charts/chart-source.ts";
import type { ChartOptions, HelmTarget } from "../helm/helm.ts";
import { HelmError } from "../helm/helm-error.ts";
import type { Pack } from "../pack.ts";
import { postRendererOf } from "../post-render/plugin.ts";
import type { HelmRelease } from "../release/release.ts";
import { attemptLabels, type Revision } from "../release/release-index.ts";
import { releaseOf } from "../release/release-name.ts";
import { fetchRelease, unlockRelease } from "../release/storage.ts";
import { userOf } from "./acting-clients.ts";
import { putCrds } from "./crds.ts";
import type { Desired } from "./decide.ts";
import { withoutSecrets } from "./desired.ts";
import type { PackState } from "./pack-state.ts";
import { followProgress } from "./progress.ts";
import { recordFailure, recordRelease } from "./record.ts";
import { timeoutOf } from "./times.ts";
import type { PackTools } from "./tools.ts";

/** The release that a Pack is about, and as whom helm acts. */
export function targetOf(pack: Pack): HelmTarget {
  const { name, namespace } = releaseOf(pack);
  const user = userOf(pack);
  return { release: name, namespace, ...(user === undefined ? {} : { user }) };
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
  const postRenderer = await postRendererOf(tools.helm, pack);
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
    without: ["Stalled", "Suspended", "ChartAvailable"],
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
    const createNamespace =
      target.namespace !== pack.metadata.namespace && !(await namespaceExists(tools.client, target.namespace));
    const labels = attemptLabels(pack.metadata.uid ?? "", revision, desired.key);
    release = await tools.slots.run(() =>
      action === "install"
        ? tools.helm.install(target, { ...options, labels, replace: given.replace, createNamespace, signal })
        : tools.helm.upgrade(target, { ...options, labels, maxHistory: pack.spec.maxHistory ?? 10, signal }),
    );
  } catch (error) {
    ended.abort();
    await telling;
    await tools.releases.settled(target.namespace, target.release);
    if (!(error instanceof HelmError)) throw error;
    await unlockOwn(tools, pack, target);
    if (error.aborted) throw error;
    await recordFailure(tools, state, {
      ...given,
      revision,
      message: withoutSecrets(error.message, secretTexts),
      failures,
    });
    return false;
  }
  ended.abort();
  await Promise.all([telling, tools.releases.shows(release)]);
  await recordRelease(tools, state, { release, chart, desired, action });
  const done = `${action === "install" ? "Installed" : "Upgraded to"} ${what}, revision ${release.version}`;
  tools.recorder.event(pack, "Normal", action === "install" ? "Installed" : "Upgraded", done);
  return true;
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

async function namespaceExists(client: Client, name: string): Promise<boolean> {
  try {
    await client.resource(namespaces).get(name);
    return true;
  } catch (error) {
    if (isCode(error, 404)) return false;
    throw error;
  }
}
