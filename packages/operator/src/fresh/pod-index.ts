import type { Clock, Informer } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { RunningImage } from "./decide.ts";
import { digestOfImageId, formatReference, repositoryOf, tryReference } from "./reference.ts";
import { workloadKey } from "./workload.ts";

/** What is remembered of a pod. */
export interface PodFacts extends KubeObject {
  /** The workload it belongs to: "Deployment/default/web". */
  workload?: string;
  ended: boolean;
  containers: readonly PodContainer[];
}

interface PodContainer {
  name: string;
  /** As the pod's spec has it. */
  image: string;
  imageId: string;
  startedAt: number;
  /** Why it waits: "ImagePullBackOff". */
  waiting?: string;
}

interface RawStatus {
  name: string;
  imageID?: string;
  state?: { running?: { startedAt?: string }; waiting?: { reason?: string } };
}

/** An informer's transform. */
export function toPodFacts(pod: KubeObject): PodFacts {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp } = pod.metadata;
  const status = pod["status"] ?? {};
  const statuses: RawStatus[] = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const byName = new Map(statuses.map((each) => [each.name, each]));
  const created = Date.parse((creationTimestamp as string | undefined) ?? "") || 0;
  const workload = workloadOf(pod);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: name as string,
      namespace: namespace as string,
      uid: uid as string,
      resourceVersion: resourceVersion as string,
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    ...(workload === undefined ? {} : { workload }),
    ended: deletionTimestamp !== undefined || status.phase === "Succeeded" || status.phase === "Failed",
    containers: [...(pod["spec"]?.initContainers ?? []), ...(pod["spec"]?.containers ?? [])].map(
      ({ name, image = "" }: { name: string; image?: string }) => {
        const { imageID = "", state } = byName.get(name) ?? {};
        const reason = state?.waiting?.reason;
        const startedAt = Date.parse(state?.running?.startedAt ?? "") || created;
        return { name, image, imageId: imageID, startedAt, ...(reason === undefined ? {} : { waiting: reason }) };
      },
    ),
  };
}

/**
 * The workload of a pod, by its owner: of a ReplicaSet or Job the name says whose it is, as their controllers make
 * it, so that neither has to be watched.
 */
function workloadOf({ metadata }: KubeObject): string | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const namespace = metadata.namespace as string;
  switch (owner?.kind) {
    case "StatefulSet":
    case "DaemonSet":
      return workloadKey(owner.kind, namespace, owner.name);
    case "ReplicaSet": {
      const hash = metadata.labels?.["pod-template-hash"];
      if (hash === undefined || !owner.name.endsWith(`-${hash}`)) return undefined;
      return workloadKey("Deployment", namespace, owner.name.slice(0, -hash.length - 1));
    }
    case "Job": {
      const scheduled = /^(.+)-\d+$/.exec(owner.name)?.[1];
      return scheduled === undefined ? undefined : workloadKey("CronJob", namespace, scheduled);
    }
    default:
      return undefined;
  }
}

/** The pods of each workload, and who asks for which image since when. */
export class PodIndex {
  readonly #clock: Clock;
  readonly #byWorkload = new Map<string, Map<string, PodFacts>>();
  /** By image name: uid of the pod, since when, whose. */
  readonly #asking = new Map<string, Map<string, { since: number; workload: string | undefined }>>();
  readonly #leave: () => void;
  #live = false;

  /** `onChange` is told the workload of a pod that runs something else than before. */
  constructor(informer: Informer<PodFacts>, clock: Clock, onChange: (workload: string) => void) {
    this.#clock = clock;
    this.#leave = informer.onChange({
      added: (pod) => {
        this.#enter(pod);
        if (pod.workload !== undefined) onChange(pod.workload);
      },
      updated: (pod, old) => {
        if (pod.workload === undefined) return;
        this.#byWorkload.get(pod.workload)?.set(pod.metadata.uid as string, pod);
        if (runs(pod) !== runs(old)) onChange(pod.workload);
      },
      deleted: (pod) => this.#drop(pod),
    });
    this.#live = true;
  }

  stop(): void {
    this.#leave();
  }

  /** What the workload's pods run in a container, and the image that their spec names. */
  running(workload: string, container: string, repository: string): (RunningImage & { image: string })[] {
    return this.#containers(workload, container).map(({ image, imageId, startedAt }) => {
      const id = digestOfImageId(imageId);
      const at = imageId.indexOf("@");
      const name = at < 0 ? undefined : tryReference(imageId.slice(0, at).replace(/^.*:\/\//, ""));
      const fromRepository = name !== undefined && repositoryOf(name) === repository;
      return { image, startedAt, fromRepository, ...(id === undefined ? {} : { id }) };
    });
  }

  /** Why containers of the workload's pods wait: "CrashLoopBackOff", "ImagePullBackOff". */
  complaints(workload: string, container: string): string[] {
    return [...new Set(this.#containers(workload, container).flatMap(({ waiting }) => waiting ?? []))];
  }

  /** Whether a pod that is not the workload's asked for the image before a time. */
  askedBefore(name: string, time: number, workload: string): boolean {
    for (const asking of this.#asking.get(name)?.values() ?? []) {
      if (asking.since < time && asking.workload !== workload) return true;
    }
    return false;
  }

  #containers(workload: string, container: string): PodContainer[] {
    return [...(this.#byWorkload.get(workload)?.values() ?? [])]
      .filter(({ ended }) => !ended)
      .flatMap(({ containers }) => containers.filter(({ name }) => name === container));
  }

  #enter(pod: PodFacts): void {
    const uid = pod.metadata.uid as string;
    const { workload } = pod;
    if (workload !== undefined) {
      const pods = this.#byWorkload.get(workload);
      if (pods === undefined) this.#byWorkload.set(workload, new Map([[uid, pod]]));
      else pods.set(uid, pod);
    }
    const created = Date.parse((pod.metadata.creationTimestamp as string | undefined) ?? "") || 0;
    const since = sinceWhen(created, this.#live ? this.#clock.now() : undefined);
    for (const name of namesOf(pod)) {
      const asking = this.#asking.get(name);
      if (asking === undefined) this.#asking.set(name, new Map([[uid, { since, workload }]]));
      else asking.set(uid, { since, workload });
    }
  }

  #drop(pod: PodFacts): void {
    const uid = pod.metadata.uid as string;
    if (pod.workload !== undefined) {
      const pods = this.#byWorkload.get(pod.workload);
      pods?.delete(uid);
      if (pods?.size === 0) this.#byWorkload.delete(pod.workload);
    }
    for (const name of namesOf(pod)) {
      const asking = this.#asking.get(name);
      asking?.delete(uid);
      if (asking?.size === 0) this.#asking.delete(name);
    }
  }
}

/**
 * Times in objects are whole seconds: what is told as new, and was made just now, was made now. `now` is undefined
 * for what was there when we came.
 */
function sinceWhen(timeMs: number, now: number | undefined): number {
  return now !== undefined && now - timeMs < 2000 ? now : timeMs;
}

function runs({ ended, containers }: PodFacts): string {
  return `${ended} ${containers.map(({ imageId, waiting = "" }) => `${imageId} ${waiting}`).join()}`;
}

function namesOf({ containers }: PodFacts): string[] {
  return containers.flatMap(({ image }) => {
    const reference = tryReference(image);
    return reference === undefined ? [] : [formatReference(reference)];
  });
}
