import { digestOfImageId } from "./reference.ts";
import { endRoll, type FreshState, type ImageRecord, lastRoll, type Roll, refuse } from "./state.ts";
import type { TemplateContainer } from "./workload.ts";

/** What a template has for a container, as history shows it. */
export function recordOf({ image, pinnedId }: TemplateContainer, id: string | undefined): ImageRecord {
  return {
    image,
    ...(id === undefined ? {} : { id }),
    ...(pinnedId === undefined ? {} : { pin: pinnedId }),
  };
}

export function matches({ image, pinnedId }: TemplateContainer, record: ImageRecord): boolean {
  return image === record.image && pinnedId === record.pin;
}

/**
 * Notices what others did to containers that we gave an image: one that was put back as it was before is a person's
 * "no" to that content, any other image is a person's choice. Gives the rollouts that were undone.
 */
export function noticeOthers(
  containers: readonly TemplateContainer[],
  before: FreshState,
  now: string,
): { state: FreshState; undone: Roll[] } {
  let state = before;
  const undone: Roll[] = [];
  for (const container of containers) {
    const roll = lastRoll(state, container.name);
    if (roll === undefined || (roll.result !== "pending" && roll.result !== "ready")) continue;
    if (matches(container, roll.to)) continue;
    const back = matches(container, roll.from) || (roll.good !== undefined && matches(container, roll.good));
    state = endRoll(state, roll, back ? "undone" : "replaced", now);
    if (!back) continue;
    undone.push(roll);
    const id = roll.to.id ?? digestOfImageId(roll.to.pin ?? "");
    if (id === undefined) continue;
    state = refuse(state, { id, image: roll.to.image, why: "a person took it back", at: now, quarantined: true });
  }
  return { state, undone };
}

/** The rollouts that are under way. */
export function pendingRolls(state: FreshState): Roll[] {
  return state.rolls.filter(({ result }) => result === "pending");
}
