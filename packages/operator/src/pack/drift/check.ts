import type { PackState } from "../controller/pack-state.ts";
import type { PackTools } from "../controller/tools.ts";
import type { Revision } from "../release/release-index.ts";
import { fetchRelease } from "../release/storage.ts";
import { findDrift } from "./drift.ts";

const named = 5;

/**
 * Looks for drift as the Pack wants it, corrects it if that is wanted, and tells in the condition Drifted. True when
 * something was put right.
 */
export async function checkDrift(tools: PackTools, state: PackState, latest: Revision): Promise<boolean> {
  const { mode = "off", ignore = [] } = state.pack.spec.driftDetection ?? {};
  if (mode === "off") return false;
  const client = tools.acting.of(state.pack);
  const release = await fetchRelease(client, latest);
  if (release === undefined) return false;
  const drifts = await findDrift(client, release, ignore);
  const before = state.status.conditions?.find(({ type }) => type === "Drifted");
  if (drifts.length === 0) {
    // What was put right stays told.
    if (before?.reason === "DriftCorrected" && mode === "correct") return false;
    await state.write({ conditions: [["Drifted", "False", "NoDrift", "The objects are as the release has them"]] });
    return false;
  }
  const names = drifts
    .slice(0, named)
    .map(({ entry, missing }) => `${entry.kind} ${entry.name} (${missing ? "deleted" : "changed"})`);
  const which = `${names.join(", ")}${drifts.length > named ? ` and ${drifts.length - named} more` : ""}`;
  if (mode === "warn") {
    await state.write({ conditions: [["Drifted", "True", "DriftDetected", which]] });
    if (before?.message !== which) tools.recorder.event(state.pack, "Warning", "DriftDetected", which);
    return false;
  }
  for (const drift of drifts) await drift.correct();
  await state.write({ conditions: [["Drifted", "False", "DriftCorrected", `Put right: ${which}`]] });
  tools.recorder.event(state.pack, "Normal", "DriftCorrected", which);
  return true;
}
