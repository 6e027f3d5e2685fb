import type { ReconcileResult } from "@podwright/client";
import { ChartError } from "../charts/chart-source.ts";
import { releaseOf } from "../release/release-name.ts";
import { ValuesError } from "../values/values-error.ts";
import { dependencyCycle, unmetDependencies } from "./dependencies.ts";
import type { PackState, StatusChange } from "./pack-state.ts";
import { intervalOf } from "./times.ts";
import type { PackTools } from "./tools.ts";

/** Whether all Packs that this one depends on are ready; what is missing is told in the status. */
export async function dependenciesMet(tools: PackTools, key: string, state: PackState): Promise<boolean> {
  const cycle = dependencyCycle(key, tools.packs);
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
  const unmet = unmetDependencies(state.pack, tools.packs);
  if (unmet.length === 0) return true;
  // What is installed stays as it is; the Packs' events bring this one back here.
  await state.write({
    conditions: [["Ready", "False", "DependencyNotReady", `Waiting: ${unmet.join(", ")}`]],
    without: ["Stalled", "Suspended"],
    fields: { dependsOn: unmet },
  });
  return false;
}

/** A Pack whose chart or values cannot be had, and that is not installed as it is written. */
export async function cannotStart(
  tools: PackTools,
  state: PackState,
  error: ChartError | ValuesError,
): Promise<ReconcileResult> {
  const chartError = error instanceof ChartError;
  const reason = chartError ? error.reason : "ValuesInvalid";
  const stays = !chartError || !error.retry;
  const conditions: NonNullable<StatusChange["conditions"]> = [["Ready", "False", reason, error.message]];
  if (stays) conditions.push(["Stalled", "True", reason, error.message]);
  await state.write({
    conditions,
    without: ["Suspended", "ChartAvailable", ...(stays ? [] : ["Stalled"])],
  });
  tools.recorder.event(state.pack, "Warning", reason, error.message);
  // With growing waits; a change of the repository or of a source comes by event.
  if (!stays) throw error;
  return { requeueAfterMs: intervalOf(state.pack) };
}

/**
 * Whether the release is what the Pack asks for as it is written now, as far as can be told without its chart: then
 * a repository that is gone takes nothing away.
 */
export async function isInstalledAsWritten(tools: PackTools, { pack, status }: PackState): Promise<boolean> {
  const { lastApplied, conditions } = status;
  const ready = conditions?.find(({ type }) => type === "Ready");
  if (lastApplied === undefined || ready?.status !== "True") return false;
  if (ready.observedGeneration !== pack.metadata.generation) return false;
  const { name, namespace } = releaseOf(pack);
  const latest = tools.releases.latest(namespace, name);
  if (latest?.status !== "deployed" || latest.revision !== lastApplied.revision) return false;
  try {
    return (await tools.desired.configDigest(pack)) === lastApplied.configDigest;
  } catch (error) {
    if (error instanceof ValuesError) return false;
    throw error;
  }
}
