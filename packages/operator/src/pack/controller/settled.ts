import type { ReconcileResult } from "@podwright/client";
import type { DriftKeeper } from "../drift/drift-keeper.ts";
import { releaseOf } from "../release/release-name.ts";
import type { PackState } from "./pack-state.ts";
import { targetOf } from "./perform.ts";
import { runTests } from "./run-tests.ts";
import { intervalOf } from "./times.ts";
import type { PackTools } from "./tools.ts";
import { uninstallRelease } from "./uninstall.ts";

/**
 * The release is as wanted: what remains are releases under former names, tests, drift, and the next look at the
 * repository.
 */
export async function settledDown(
  tools: PackTools,
  drift: DriftKeeper,
  state: PackState,
  signal: AbortSignal,
  chartFound = true,
): Promise<ReconcileResult> {
  await uninstallFormer(tools, state, signal);
  const { conditions } = state.status;
  const tested = conditions?.find((condition) => condition.type === "Tested");
  if (state.pack.spec.test?.enable === true && tested?.status !== "True" && tested?.status !== "False") {
    await runTests(tools, state, targetOf(state.pack), signal);
  } else if (tested?.status !== "False" || state.pack.spec.test?.ignoreFailures === true) {
    await tellReady(state, chartFound);
  } else await state.write({ without: ["Suspended"] });
  const { name, namespace } = releaseOf(state.pack);
  const latest = tools.releases.latest(namespace, name);
  const lookAgainMs = latest === undefined ? undefined : await drift.look(state, latest);
  return { requeueAfterMs: Math.min(intervalOf(state.pack), lookAgainMs ?? Number.POSITIVE_INFINITY) };
}

async function uninstallFormer(tools: PackTools, state: PackState, signal: AbortSignal): Promise<void> {
  const { uid = "" } = state.pack.metadata;
  const { name, namespace } = releaseOf(state.pack);
  for (const former of tools.releases.ofPack(uid)) {
    if (former.name === name && former.namespace === namespace) continue;
    if (tools.releases.latest(former.namespace, former.name)?.packUid !== uid) continue;
    await uninstallRelease(tools, state, former, signal);
  }
}

async function tellReady(state: PackState, chartFound: boolean): Promise<void> {
  const { conditions, plan, lastApplied } = state.status;
  const released = conditions?.find((condition) => condition.type === "Released");
  const reason = released?.reason ?? "InstallSucceeded";
  const message = released?.message ?? `Release ${releaseOf(state.pack).name} is installed`;
  await state.write({
    conditions: [["Ready", "True", reason, message]],
    without: ["Stalled", "Suspended", ...(chartFound ? ["ChartAvailable"] : [])],
    // A plan that was carried out may still be read; another is for what is not wanted any more.
    fields: { dependsOn: undefined, plan: plan?.revision === lastApplied?.revision ? plan : undefined },
  });
}
