import type { HelmTarget } from "../helm/helm.ts";
import { HelmError } from "../helm/helm-error.ts";
import { fetchRelease } from "../release/storage.ts";
import { failureCause } from "./failure-cause.ts";
import type { PackState } from "./pack-state.ts";
import { timeoutOf } from "./times.ts";
import type { PackTools } from "./tools.ts";

/** Runs the release's helm tests and tells what came of them. */
export async function runTests(
  tools: PackTools,
  state: PackState,
  target: HelmTarget,
  signal: AbortSignal,
): Promise<void> {
  const { pack } = state;
  const revision = tools.releases.latest(target.namespace, target.release);
  const released = state.status.conditions?.find((condition) => condition.type === "Released");
  const ready = ["Ready", "True", released?.reason ?? "InstallSucceeded", released?.message ?? ""] as const;
  await state.write({ conditions: [["Ready", "Unknown", "Progressing", `Testing revision ${revision?.revision}`]] });
  try {
    await tools.slots.run(() => tools.helm.test(target, { timeoutMs: timeoutOf(pack), signal }));
  } catch (error) {
    if (!(error instanceof HelmError) || error.aborted) throw error;
    await tools.releases.settled(target.namespace, target.release);
    const release = revision === undefined ? undefined : await fetchRelease(tools.client, revision);
    const cause = release === undefined ? "" : await failureCause(tools.client, release, signal);
    const message = `Testing revision ${revision?.revision} failed: ${[error.message, cause].filter((part) => part !== "").join("; ")}`;
    const ignored = pack.spec.test?.ignoreFailures === true;
    await state.write({
      conditions: [
        ["Tested", "False", "TestsFailed", message],
        ignored ? [...ready] : ["Ready", "False", "TestsFailed", message],
      ],
    });
    tools.recorder.event(pack, "Warning", "TestsFailed", message);
    return;
  }
  await tools.releases.settled(target.namespace, target.release);
  await state.write({
    conditions: [["Tested", "True", "TestsPassed", `The tests of revision ${revision?.revision} passed`], [...ready]],
  });
}
