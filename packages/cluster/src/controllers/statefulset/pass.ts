/** One pass over a StatefulSet (k8s.io/kubernetes/pkg/controller/statefulset/stateful_set_control.go). */
import type { Pod } from "../../kinds.ts";
import { isPodAvailable, isPodTerminal } from "../../pods.ts";
import { type ControllerRevision, templateOf } from "../controller-revisions.ts";
import { slowStart } from "../replicaset/slow-start.ts";
import { newPod, ordinalOf, revisionOf } from "./identity.ts";
import type { Members } from "./members.ts";
import {
  isParallel,
  isWanted,
  replicasOf,
  type StatefulSet,
  type StatefulSetStatus,
  startOrdinal,
} from "./stateful-set.ts";
import { isCreated, isRunningAndReady, statefulSetStatus } from "./status.ts";

export interface Revisions {
  /** What the pods are at before the rollout, and what they will be at after it. */
  current: ControllerRevision;
  update: ControllerRevision;
  collisionCount: number;
}

export interface Pass {
  set: StatefulSet;
  /** All that the set controls. */
  pods: readonly Pod[];
  revisions: Revisions;
  members: Members;
  nowMs: number;
}

/** What came of a pass: a status to write even when something failed. */
export interface Outcome {
  status: StatefulSetStatus;
  failure?: unknown;
}

/** Does what is to be done next, as far as it can be done now. */
export async function runPass(pass: Pass): Promise<Outcome> {
  const { set, revisions } = pass;
  const replicas = replicaPods(pass);
  const condemned = pass.pods
    .filter((pod) => ordinalOf(pod) >= 0 && !isWanted(set, ordinalOf(pod)))
    .sort((a, b) => ordinalOf(b) - ordinalOf(a));
  const status = (): StatefulSetStatus => statefulSetStatus(set, [...replicas, ...condemned], revisions, pass.nowMs);
  if (set.metadata.deletionTimestamp !== undefined) {
    return { status: statefulSetStatus(set, pass.pods, revisions, pass.nowMs) };
  }
  const firstUnavailable = [...replicas, ...condemned.toReversed()].find((pod) => isUnavailable(pass, pod));
  try {
    const done =
      (await forAll(pass, replicas, (pod) => settle(pass, pod))) &&
      (await forAll(pass, condemned, async (pod) => {
        await pass.members.keepClaims(set, pod);
        return true;
      })) &&
      (await forAll(pass, condemned, (pod) => condemn(pass, pod, firstUnavailable)));
    if (!done) return { status: status() };
    const after = status();
    if (set.spec.updateStrategy?.type !== "OnDelete" && (await replaceNext(pass, replicas))) {
      after.currentReplicas = (after.currentReplicas ?? 0) - 1;
    }
    return { status: after };
  } catch (failure) {
    return { status: status(), failure };
  }
}

/** The pods of the wanted ordinals; those that are missing are ready to be created. */
function replicaPods(pass: Pass): Pod[] {
  const { set } = pass;
  const present = new Map(pass.pods.map((pod) => [ordinalOf(pod), pod]));
  return Array.from({ length: replicasOf(set) }, (_unused, index) => {
    const ordinal = startOrdinal(set) + index;
    return present.get(ordinal) ?? missingPod(pass, ordinal);
  });
}

/** Below the partition the current revision stays. */
function missingPod({ set, revisions }: Pass, ordinal: number): Pod {
  const { type = "RollingUpdate", rollingUpdate } = set.spec.updateStrategy ?? {};
  const kept =
    rollingUpdate === undefined
      ? type === "RollingUpdate"
        ? (set.status?.currentReplicas ?? 0)
        : 0
      : (rollingUpdate.partition ?? 0);
  const revision = ordinal < startOrdinal(set) + kept ? revisions.current : revisions.update;
  return newPod(set, templateOf(revision), revision.metadata.name ?? "", ordinal);
}

/**
 * In order, until one has to be waited for; all at once where the set is parallel.
 *
 * @param step false when the next has to wait.
 * @returns false when something has to be waited for.
 */
async function forAll(pass: Pass, pods: readonly Pod[], step: (pod: Pod) => Promise<boolean>): Promise<boolean> {
  if (!isParallel(pass.set)) {
    for (const pod of pods) if (!(await step(pod))) return false;
    return true;
  }
  let next = 0;
  const failure = await slowStart(pods.length, async () => {
    await step(pods[next++] as Pod);
  });
  if (failure !== undefined) throw failure;
  return true;
}

/** Brings one wanted pod to where it should be. True when it is there. */
async function settle(pass: Pass, pod: Pod): Promise<boolean> {
  const { set, members } = pass;
  if (isPodTerminal(pod)) {
    if (pod.metadata.deletionTimestamp === undefined) await members.delete(set, pod);
    return false;
  }
  if (!isCreated(pod)) {
    if (!members.hasStaleClaim(set, pod)) await members.create(set, pod);
    return false;
  }
  if (pod.status?.phase === "Pending") await members.completeClaims(set, pod);
  if (!isParallel(set)) {
    if (pod.metadata.deletionTimestamp !== undefined || !isRunningAndReady(pod)) return false;
    if (!isAvailable(pass, pod)) return false;
  }
  await members.conform(set, pod);
  return true;
}

/** Deletes one that is too much; in order, one that is not well goes only when it is the first such. */
async function condemn(pass: Pass, pod: Pod, firstUnavailable: Pod | undefined): Promise<boolean> {
  const ordered = !isParallel(pass.set);
  if (pod.metadata.deletionTimestamp !== undefined) return !ordered;
  const well = isRunningAndReady(pod) && isAvailable(pass, pod);
  if (!well && ordered && pod !== firstUnavailable) return false;
  await pass.members.delete(pass.set, pod);
  return false;
}

/** Deletes the last pod that is not of the update revision, once all after it are well. True when one was. */
async function replaceNext(pass: Pass, replicas: readonly Pod[]): Promise<boolean> {
  const { set, revisions, members } = pass;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (let index = replicas.length - 1; index >= partition; index--) {
    const pod = replicas[index] as Pod;
    const outdated = revisionOf(pod) !== revisions.update.metadata.name;
    if (outdated && pod.metadata.deletionTimestamp === undefined && isCreated(pod)) {
      await members.delete(set, pod);
      return true;
    }
    if (isUnavailable(pass, pod)) return false;
  }
  return false;
}

function isAvailable({ set, nowMs }: Pass, pod: Pod): boolean {
  return isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs);
}

function isUnavailable(pass: Pass, pod: Pod): boolean {
  return !isAvailable(pass, pod) || pod.metadata.deletionTimestamp !== undefined;
}
