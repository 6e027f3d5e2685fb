import type { PackState } from "../controller/pack-state.ts";
import type { PackTools } from "../controller/tools.ts";
import type { Revision } from "../release/release-index.ts";
import { fetchRelease } from "../release/storage.ts";
import { findDrift } from "./drift.ts";

const named = 5;

/** Looks for drift as the Pack wants it, corrects it if that is wanted, and tells in the condition Drifted. */
export async function checkDrift(tools: PackTools, state: PackState, latest: Revision): Promise<void> {
  const { mode = "off", ignore = [] } = state.pack.spec.driftDetection ?? {};
  if (mode === "off") return;
  const release = await fetchRelease(tools.client, latest);
  if (release === undefined) return;
  const drifts = await findDrift(tools.client, release, ignore);
  if (drifts.length === 0) {
    await state.write({ conditions: [["Drifted", "False", "NoDrift", "The objects are as the release has them"]] });
    return;
  }
  const names = drifts
    .slice(0, named)
    .map(({ entry, missing }) => `${entry.kind} ${entry.name} (${missing ? "deleted" : "changed"})`);
  const which = `${names.join(", ")}${drifts.length > named ? ` and ${drifts.length - named} more` : ""}`;
  if (mode === "warn") {
    await state.write({ conditions: [["Drifted", "True", "DriftDetected", which]] });
    tools.recorder.event(state.pack, "Warning", "DriftDetected", which);
    return;
  }
  for (const drift of drifts) await drift.correct();
  await state.write({ conditions: [["Drifted", "False", "DriftCorrected", `Put right: ${which}`]] });
  tools.recorder.event(state.pack, "Normal", "DriftCorrected", which);
}
