import type { ResolvedChart } from "../charts/chart-source.ts";
import type { Desired } from "../controller/decide.ts";
import { withoutSecrets } from "../controller/desired.ts";
import type { PackState } from "../controller/pack-state.ts";
import { chartOptions, targetOf } from "../controller/perform.ts";
import type { PackTools } from "../controller/tools.ts";
import { HelmError } from "../helm/helm-error.ts";
import { approveKey, type Plan } from "../pack.ts";
import { releaseOf } from "../release/release-name.ts";
import { makePlan } from "./plan.ts";

/**
 * Whether the annotation names the plan of what is wanted now. If there is no such plan in the status yet, it is made;
 * the plan's digest says what it is for, so one for another chart, other values or another revision does not count.
 */
export async function awaitApproval(
  tools: PackTools,
  state: PackState,
  given: { step: { do: "install" | "upgrade" }; chart: ResolvedChart; desired: Desired; signal: AbortSignal },
): Promise<boolean> {
  const { chart, desired, step, signal } = given;
  const { name, namespace } = releaseOf(state.pack);
  const latest = tools.releases.latest(namespace, name);
  const basis = `${desired.key.slice(0, 12)}-${latest?.revision ?? 0}`;
  let plan: Plan | undefined = state.pack.status?.plan;
  if (plan?.digest.startsWith(`${basis}-`) !== true) {
    const { options, secretTexts } = await chartOptions(tools, state.pack, chart, step.do);
    try {
      plan = await makePlan({
        client: tools.client,
        nowMs: tools.clock.now(),
        basis,
        render: () => tools.slots.run(() => tools.helm.render(targetOf(state.pack), step.do, { ...options, signal })),
        current: latest,
      });
    } catch (error) {
      if (!(error instanceof HelmError) || error.aborted) throw error;
      const message = `The plan for ${chart.name} ${chart.version} cannot be made: ${withoutSecrets(error.message, secretTexts)}`;
      await state.write({ conditions: [["Ready", "False", "PlanFailed", message]], fields: { plan: undefined } });
      return false;
    }
    await state.write({ fields: { plan } });
    tools.recorder.event(state.pack, "Normal", "Planned", `${plan.summary}; digest ${plan.digest}`);
  }
  if (state.pack.metadata.annotations?.[approveKey] === plan.digest) return true;
  const message = `${chart.name} ${chart.version} waits for approval of plan ${plan.digest}: ${plan.summary}`;
  await state.write({
    conditions: [["Ready", "False", "ApprovalPending", message]],
    without: ["Stalled", "Suspended"],
  });
  return false;
}
