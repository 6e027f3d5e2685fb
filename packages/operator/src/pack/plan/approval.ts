import { objectKey } from "@podwright/client";
import { type JsonObject, messageOf } from "@podwright/kube";
import type { ResolvedChart } from "../charts/chart-source.ts";
import type { Desired } from "../controller/decide.ts";
import { withoutSecrets } from "../controller/desired.ts";
import type { PackState } from "../controller/pack-state.ts";
import { chartOptions, targetOf } from "../controller/perform.ts";
import type { PackTools } from "../controller/tools.ts";
import { HelmError } from "../helm/helm-error.ts";
import { approveKey, type Plan } from "../pack.ts";
import { releaseOf } from "../release/release-name.ts";
import { formerSecrets } from "./former-secrets.ts";
import { makePlan, planBasis } from "./plan.ts";

export interface PlannedStep {
  step: { do: "install" | "upgrade" };
  chart: ResolvedChart;
  desired: Desired;
  signal: AbortSignal;
}

/**
 * Whether the annotation names the plan of what is wanted now. If there is no such plan in the status yet, it is made;
 * the plan's digest says what it is for, so one for another chart, other values or another revision does not count.
 */
export async function awaitApproval(tools: PackTools, state: PackState, given: PlannedStep): Promise<boolean> {
  const { chart } = given;
  const before = state.status.plan?.digest;
  let plan: Plan;
  try {
    plan = await planOf(tools, state, given);
  } catch (error) {
    if (!(error instanceof HelmError) || error.aborted) throw error;
    const message = `The plan for ${chart.name} ${chart.version} cannot be made: ${error.message}`;
    await state.write({ conditions: [["Ready", "False", "PlanFailed", message]], fields: { plan: undefined } });
    return false;
  }
  if (plan.digest !== before) {
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

/** Puts into the status what an upgrade will change. One that cannot be told is no reason not to upgrade. */
export async function tellPlan(tools: PackTools, state: PackState, given: PlannedStep): Promise<void> {
  const { plan } = state.status;
  // Another attempt at the same.
  if (plan?.revision === undefined && plan?.digest.startsWith(planBasis(given.desired))) return;
  try {
    await planOf(tools, state, given);
  } catch (error) {
    if (error instanceof HelmError && error.aborted) throw error;
    tools.logger.warn("a plan cannot be made", { pack: objectKey(state.pack), error: messageOf(error) });
    await state.write({ aside: true, fields: { plan: undefined } });
  }
}

/** The plan in the status, made first where there is none for this. The message of a HelmError has no secrets in it. */
async function planOf(tools: PackTools, state: PackState, given: PlannedStep): Promise<Plan> {
  const { chart, desired, step, signal } = given;
  const { name, namespace } = releaseOf(state.pack);
  const current = tools.releases.latest(namespace, name);
  const basis = planBasis(desired, current?.revision ?? 0);
  const known = state.status.plan;
  if (known?.revision === undefined && known?.digest.startsWith(`${basis}-`)) return known;
  const { options, secretTexts } = await chartOptions(tools, state.pack, chart, step.do);
  const hide = (text: string, former?: JsonObject) =>
    withoutSecrets(text, [...secretTexts, ...formerSecrets(former, options.values, secretTexts)]);
  try {
    const plan = await makePlan({
      client: tools.acting.of(state.pack),
      nowMs: () => tools.clock.now(),
      basis,
      render: () => tools.slots.run(() => tools.helm.render(targetOf(state.pack), step.do, { ...options, signal })),
      current,
      hide,
    });
    await state.write({ aside: true, fields: { plan } });
    return plan;
  } catch (error) {
    if (!(error instanceof HelmError) || error.aborted) throw error;
    throw new HelmError(error.action, hide(error.message), error);
  }
}
