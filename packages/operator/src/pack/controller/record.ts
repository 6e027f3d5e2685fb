import { formatTime } from "@podwright/kube";
import type { ResolvedChart } from "../charts/chart-source.ts";
import type { Pack, Plan, ReleaseRecord } from "../pack.ts";
import { planBasis } from "../plan/plan.ts";
import { inventoryEntry, parseManifest } from "../release/manifest.ts";
import type { HelmRelease } from "../release/release.ts";
import { releaseOf } from "../release/release-name.ts";
import { fetchRelease } from "../release/storage.ts";
import type { Desired } from "./decide.ts";
import { failureCause } from "./failure-cause.ts";
import type { PackState } from "./pack-state.ts";
import type { PackTools } from "./tools.ts";

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
  await state.write({
    conditions: [
      ["Released", "True", reason, message],
      tested
        ? ["Tested", "Unknown", "Pending", `revision ${release.version} is to be tested`]
        : ["Ready", "True", reason, message],
    ],
    without: ["Stalled", "Suspended", "Remediated", "Drifted", ...(tested ? [] : ["Tested"])],
    fields: {
      chart: { name: chart.name, version: chart.version, digest: desired.chartDigest },
      lastAttempted: attempt,
      lastApplied: { ...attempt, revision: release.version },
      failures: 0,
      plan: carriedOut(state.status.plan, desired, release.version),
      dependsOn: undefined,
      inventory: (await parseManifest(release.manifest ?? "")).map(inventoryEntry),
      history: history(tools, state.pack, given, { revision: release.version, status: release.info.status, action }),
    },
  });
}

/** The plan that this revision was, which stays to be read; no other. */
function carriedOut(plan: Plan | undefined, desired: Desired, revision: number): Plan | undefined {
  if (plan?.revision === revision) return plan;
  return plan?.revision === undefined && plan?.digest.startsWith(planBasis(desired))
    ? { ...plan, revision }
    : undefined;
}

/** The history with a new entry; the states of the others are helm's. */
function history(
  tools: PackTools,
  pack: Pack,
  { chart, desired }: { chart: ResolvedChart; desired: Desired },
  attempt: Pick<ReleaseRecord, "revision" | "status" | "action">,
): ReleaseRecord[] {
  const entry: ReleaseRecord = {
    ...attempt,
    chartVersion: chart.version,
    ...(chart.appVersion !== undefined ? { appVersion: chart.appVersion } : {}),
    digest: desired.chartDigest,
    configDigest: desired.configDigest,
    time: formatTime(tools.clock.now()),
  };
  const { name, namespace } = releaseOf(pack);
  const kept = new Map(tools.releases.history(namespace, name).map((each) => [each.revision, each.status]));
  const others = (pack.status?.history ?? []).filter((each) => each.revision !== entry.revision);
  return [entry, ...others.map((each) => ({ ...each, status: kept.get(each.revision) ?? each.status }))]
    .sort((a, b) => b.revision - a.revision)
    .slice(0, pack.spec.maxHistory || 10);
}

/** Puts into the status that an attempt failed, and why. */
export async function recordFailure(
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
  const { action, chart } = given;
  const { name, namespace } = releaseOf(state.pack);
  const latest = tools.releases.latest(namespace, name);
  const release = latest?.revision === given.revision ? await fetchRelease(tools.client, latest) : undefined;
  const cause = release === undefined ? "" : await failureCause(tools.client, release, given.signal);
  const reason = action === "install" ? "InstallFailed" : "UpgradeFailed";
  const verb = action === "install" ? "Installing" : "Upgrading to";
  const message = `${verb} ${chart.name} ${chart.version} failed: ${[given.message, cause].filter((part) => part !== "").join("; ")}`;
  await state.write({
    conditions: [
      ["Ready", "False", reason, message],
      ["Released", "False", reason, message],
    ],
    without: ["Remediated"],
    fields: {
      failures: given.failures + 1,
      ...(release && {
        history: history(tools, state.pack, given, { revision: given.revision, status: "failed", action }),
      }),
    },
  });
  tools.recorder.event(state.pack, "Warning", reason, message);
}
