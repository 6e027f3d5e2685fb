/** Replaces a DaemonSet's old pods (k8s.io/kubernetes/pkg/controller/daemon/update.go, rollingUpdate). */
import type { Pod } from "../../kinds.ts";
import { isPodAvailable } from "../../pods.ts";
import { limitsOf } from "./limits.ts";
import { type Changes, type DaemonPass, isTerminating } from "./manage.ts";
import { isUpdated, placementOn } from "./placement.ts";

/** What the rollout does next: old pods go first, or new ones come first where surge is allowed. */
export function nextOfRollout(pass: DaemonPass): Changes {
  const desired = pass.nodes.filter((node) => placementOn(pass.set, node).run).length;
  const { maxSurge, maxUnavailable } = limitsOf(pass.set, desired);
  return maxSurge === 0 ? deleteOld(pass, maxUnavailable) : surge(pass, maxSurge, desired);
}

/** Old pods that are not available go at once, of the others as many as may be missed. */
function deleteOld(pass: DaemonPass, maxUnavailable: number): Changes {
  let unavailable = 0;
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  for (const pods of pass.podsByNode.values()) {
    const pair = pairOf(pass, pods);
    if (pair === undefined || (pair.fresh === undefined) === (pair.old === undefined)) unavailable++;
    else if (pair.fresh !== undefined) unavailable += isAvailable(pass, pair.fresh) ? 0 : 1;
    else if (pair.old !== undefined) {
      if (isAvailable(pass, pair.old)) candidates.push(pair.old);
      else {
        broken.push(pair.old);
        unavailable++;
      }
    }
  }
  const mayGo = Math.max(maxUnavailable - unavailable, 0);
  return { createOn: [], remove: [...broken, ...candidates.slice(0, mayGo)] };
}

function surge(pass: DaemonPass, maxSurge: number, desired: number): Changes {
  const remove: Pod[] = [];
  const misplaced: Pod[] = [];
  const needed: string[] = [];
  const candidates: string[] = [];
  let surging = 0;
  let available = 0;
  for (const [name, pods] of pass.podsByNode) {
    const pair = pairOf(pass, pods);
    if (pair === undefined) {
      surging++;
      continue;
    }
    const { fresh, old } = pair;
    const counted = old ?? fresh;
    if (counted !== undefined && isAvailable(pass, counted)) available++;
    if (old === undefined) continue;
    if (fresh !== undefined) {
      if (isAvailable(pass, fresh)) remove.push(old);
      else surging++;
      continue;
    }
    const node = pass.nodes.find(({ metadata }) => metadata.name === name);
    const run = node !== undefined && placementOn(pass.set, node).run;
    const well = isAvailable(pass, old);
    if (run) (well ? candidates : needed).push(name);
    else (well ? misplaced : remove).push(old);
  }
  remove.push(...misplaced.slice(0, Math.max(available - desired, 0)));
  return { createOn: [...needed, ...candidates.slice(0, Math.max(maxSurge - surging, 0))], remove };
}

/** The new and the old pod of a node; undefined when there are several of one sort. */
function pairOf(
  { set, hash }: DaemonPass,
  pods: readonly Pod[],
): { fresh: Pod | undefined; old: Pod | undefined } | undefined {
  const present = pods.filter((pod) => !isTerminating(pod));
  const fresh = present.filter((pod) => isUpdated(set, pod, hash));
  const old = present.filter((pod) => !isUpdated(set, pod, hash));
  return fresh.length > 1 || old.length > 1 ? undefined : { fresh: fresh[0], old: old[0] };
}

function isAvailable({ set, nowMs }: DaemonPass, pod: Pod): boolean {
  return isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs);
}
