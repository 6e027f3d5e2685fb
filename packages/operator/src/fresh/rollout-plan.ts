import type { ImageCatalog } from "./catalog.ts";
import { decide } from "./decide.ts";
import { type Candidate, shortId } from "./image.ts";
import { retryKey } from "./keys.ts";
import { eligibleNodes, type NodeFacts } from "./placement.ts";
import type { PodIndex } from "./pod-index.ts";
import { repositoryOfImage } from "./repository-table.ts";
import type { Settings } from "./settings.ts";
import {
  beginRoll,
  endRoll,
  type FreshState,
  type ImageRecord,
  lastRoll,
  quarantinedIds,
  type Roll,
  refuse,
  retry,
  type Waiting,
} from "./state.ts";
import { noticeOthers, pendingRolls, recordOf } from "./transitions.ts";
import { keyOf, type TemplateChange, type TemplateContainer, type Workload } from "./workload.ts";

/** What is known when a workload is looked at. */
export interface RolloutSituation {
  workload: Workload;
  state: FreshState;
  settings: Settings;
  /** Milliseconds since 1970. */
  now: number;
  settleMs: number;
  /** When somebody else set the template's images. */
  baselineAt: number;
  /** Since when all pods are ready; undefined while they are not. */
  readySince: number | undefined;
  /** Whether a burst of images is over; else nothing new is decided. */
  gathered: boolean;
  catalog: ImageCatalog;
  pods: Pick<PodIndex, "running" | "complaints" | "askedBefore">;
  nodes: readonly NodeFacts[];
}

/** What is to be done about a workload. */
export interface RolloutPlan {
  state: FreshState;
  changes: TemplateChange[];
  /** The images that are rolled out. */
  rolled: Candidate[];
  events: { type: "Normal" | "Warning"; reason: string; message: string }[];
  /** When to look again, if nothing happens before. */
  lookAgainMs?: number;
}

/** Makes the plan; changes nothing. */
export function planRollout(situation: RolloutSituation): RolloutPlan {
  const { workload, now } = situation;
  const at = new Date(now).toISOString();
  const noticed = noticeOthers(workload.containers, situation.state, at);
  const plan: RolloutPlan = { state: noticed.state, changes: [], rolled: [], events: [] };
  for (const { container, to } of noticed.undone) {
    const message = `${shown(to)} was taken back from container ${container}: it is not tried again`;
    plan.events.push({ type: "Normal", reason: "FreshUndone", message });
  }
  followPending(situation, plan, at);
  if (workload.metadata.annotations?.[retryKey] !== undefined) plan.state = retry(plan.state);
  if (plan.changes.length > 0 || !situation.gathered) return plan;
  if (situation.settings.paused) plan.state = { ...plan.state, waiting: [] };
  else decideAll(situation, plan, at);
  return plan;
}

/** Ends rollouts that are ready, and takes back what is not within its deadline. */
function followPending(situation: RolloutSituation, plan: RolloutPlan, at: string): void {
  const { workload, now, readySince, settings, settleMs } = situation;
  const pending = pendingRolls(plan.state);
  if (pending.length === 0) return;
  if (readySince !== undefined) {
    const settledInMs = workload.kind === "CronJob" ? 0 : readySince + settleMs - now;
    if (settledInMs > 0) plan.lookAgainMs = settledInMs;
    else for (const roll of pending) plan.state = endRoll(plan.state, roll, "ready", at);
    return;
  }
  const dueInMs = Math.min(...pending.map((roll) => Date.parse(roll.at) + settings.deadlineMs - now));
  if (dueInMs > 0) {
    plan.lookAgainMs = dueInMs;
    return;
  }
  for (const roll of pending) takeBack(situation, plan, roll, at);
}

function takeBack({ workload, pods, settings }: RolloutSituation, plan: RolloutPlan, roll: Roll, at: string): void {
  const container = workload.containers.find(({ name }) => name === roll.container);
  const good = roll.good ?? roll.from;
  const complaints = container === undefined ? [] : pods.complaints(keyOf(workload), container.name);
  const detail = complaints.length === 0 ? "" : ` (${complaints.join(", ")})`;
  const why = `not ready within ${settings.deadlineMs / 1000} s${detail}`;
  plan.state = endRoll(plan.state, roll, "reverted", at);
  if (roll.to.id !== undefined) {
    plan.state = refuse(plan.state, { id: roll.to.id, image: roll.to.image, why, at, quarantined: true });
  }
  if (container === undefined) return;
  plan.changes.push({
    container,
    ...(container.image === good.image ? {} : { image: good.image }),
    ...(container.pinnedId === good.pin ? {} : { pin: good.pin ?? null }),
  });
  const message = `Took container ${container.name} back from ${shown(roll.to)} to ${shown(good)}: ${why}`;
  plan.events.push({ type: "Warning", reason: "FreshReverted", message });
}

function decideAll(situation: RolloutSituation, plan: RolloutPlan, at: string): void {
  const { workload, catalog, pods, settings, baselineAt, nodes } = situation;
  const key = keyOf(workload);
  const waiting: Waiting[] = [];
  const eligible = eligibleNodes(workload.placement, nodes);
  for (const container of workload.containers) {
    const repository = repositoryOfImage(container.image);
    if (repository === undefined || !catalog.has(repository)) continue;
    const candidates = catalog.candidates(repository);
    const rolledAt = rollTime(plan.state, container.name);
    // Pods that a rollout under way is about to replace say nothing of the tag that the template has now.
    const running = pods
      .running(key, container.name, repository)
      .filter(({ image, startedAt }) => image === container.image || startedAt >= rolledAt);
    const decision = decide({
      container,
      policy: settings.policy,
      allowDowngrade: settings.allowDowngrade,
      candidates,
      running,
      baselineAt,
      refusedIds: quarantinedIds(plan.state),
      retriedIds: new Set(plan.state.retried),
      nodes: eligible,
      claimed: ({ name, appearedAt }) => pods.askedBefore(name, appearedAt, key),
    });
    for (const { candidate, why } of decision.skipped) skip(plan, candidate, why, at);
    if (decision.do === "wait") {
      waiting.push({ container: container.name, image: decision.to.name, why: decision.why });
    } else if (decision.do === "roll") {
      const own = candidates.find(({ name }) => name !== decision.to.name && sameName(name, container.image));
      const ids = running.flatMap(({ id }) => id ?? []);
      const known = ids.find((id) => candidates.some((each) => each.ids.includes(id)));
      const fromId = known ?? own?.ids[0] ?? lastRoll(plan.state, container.name)?.to.id ?? ids[0];
      roll(plan, container, recordOf(container, fromId), decision, at);
    }
  }
  tellWaiting(plan, waiting);
}

/** When the rollout under way of a container began; before all time if there is none. */
function rollTime(state: FreshState, container: string): number {
  const pending = pendingRolls(state).find((each) => each.container === container);
  return pending === undefined ? Number.NEGATIVE_INFINITY : Date.parse(pending.at);
}

function roll(
  plan: RolloutPlan,
  container: TemplateContainer,
  from: ImageRecord,
  { to, image, why }: { to: Candidate; image: string; why: string },
  at: string,
): void {
  const id = to.ids[0] as string;
  const sameTag = image === container.image;
  const target: ImageRecord = { image, id, ...(sameTag ? { pin: id } : {}) };
  const pin = sameTag ? { pin: id } : container.pinnedId === undefined ? {} : { pin: null };
  plan.changes.push({ container, ...(sameTag ? {} : { image }), ...pin });
  plan.rolled.push(to);
  const source = to.nodes === undefined ? to.source : `${to.source} on ${[...to.nodes].sort().slice(0, 3).join(", ")}`;
  plan.state = beginRoll(plan.state, {
    container: container.name,
    from,
    to: target,
    at,
    why,
    source,
    ...(to.revision === undefined ? {} : { revision: to.revision }),
    result: "pending",
  });
  plan.state = { ...plan.state, retried: [] };
  const revision = to.revision === undefined ? "" : `, revision ${to.revision}`;
  const message = `Rolled container ${container.name} from ${shown(from)} to ${shown(target)}: ${why}, from ${source}${revision}`;
  plan.events.push({ type: "Normal", reason: "FreshRolled", message });
}

/** Notes what the policy passes over, once. */
function skip(plan: RolloutPlan, candidate: Candidate, why: string, at: string): void {
  const id = candidate.ids[0] as string;
  const known = plan.state.refused.some((each) => each.id === id && each.image === candidate.name && each.why === why);
  if (known) return;
  plan.state = refuse(plan.state, { id, image: candidate.name, why, at, quarantined: false });
  const message = `${candidate.name} (${shortId(id)}) is not rolled out: ${why}`;
  plan.events.push({ type: "Normal", reason: "FreshSkipped", message });
}

function tellWaiting(plan: RolloutPlan, waiting: Waiting[]): void {
  for (const { why } of waiting) {
    if (plan.state.waiting.some((each) => each.why === why)) continue;
    plan.events.push({ type: "Warning", reason: "FreshWaiting", message: why });
  }
  plan.state = { ...plan.state, waiting };
}

function sameName(name: string, image: string): boolean {
  return repositoryOfImage(image) !== undefined && name.endsWith(`:${image.slice(image.lastIndexOf(":") + 1)}`);
}

function shown({ image, id }: ImageRecord): string {
  return id === undefined ? image : `${image} (${shortId(id)})`;
}
