/**
 * What a pod's claims demand of its node, and how they get their volumes before the pod is bound
 * (k8s.io/kubernetes/pkg/scheduler/framework/plugins/volumebinding).
 */
import {
  type Client,
  type Clock,
  type InformerFactory,
  objectKey,
  persistentVolumeClaims,
  persistentVolumes,
} from "@podwright/client";
import { claimInformer, storageClassInformer, volumeInformer } from "../controllers/informers.ts";
import { byControllerAnnotation } from "../controllers/persistent-volumes/binder.ts";
import {
  type PersistentVolume,
  type PersistentVolumeClaim,
  selectedNodeAnnotation,
} from "../controllers/persistent-volumes/kinds.ts";
import { bestVolume, classOf, isReachable } from "../controllers/persistent-volumes/matching.ts";
import { claimNamesOf } from "../controllers/persistent-volumes/pod-claims.ts";
import type { Node, Pod } from "../kinds.ts";
import type { Refusal } from "./filters.ts";

/** As long as upstream's scheduler waits for volumes. */
const bindTimeoutMs = 600_000;
const noProvisioner = "kubernetes.io/no-provisioner";

/** A pod's claims: those with a volume, and those whose volume is chosen with the node. */
export interface PodClaims {
  volumes: PersistentVolume[];
  waiting: PersistentVolumeClaim[];
}

interface Waiter {
  keys: string[];
  done: (error?: Error) => void;
}

export class PodVolumes {
  readonly #claims;
  readonly #volumes;
  readonly #classes;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #waiters = new Map<string, Waiter>();
  /** Volumes on their way to a claim, by name. */
  readonly #taken = new Map<string, string>();

  /** @param changed called when pods that wait for volumes may be tried again. */
  constructor(client: Client, informers: InformerFactory, clock: Clock, changed: () => void) {
    this.#client = client;
    this.#clock = clock;
    this.#claims = claimInformer(informers);
    this.#volumes = volumeInformer(informers);
    this.#classes = storageClassInformer(informers);
    const recheck = (): void => {
      this.#release();
      changed();
    };
    this.#claims.onChange({ added: recheck, updated: recheck, deleted: recheck });
    this.#volumes.onChange({ added: recheck, updated: recheck });
    this.#classes.onChange({ added: changed, updated: changed });
  }

  /** The pod's claims; a text when no node can have the pod as they are; undefined when it has none. */
  look(pod: Pod): PodClaims | string | undefined {
    const names = claimNamesOf(pod);
    if (names.length === 0) return undefined;
    const found: PodClaims = { volumes: [], waiting: [] };
    let unbound = false;
    for (const name of names) {
      const claim = this.#claims.get(name, pod.metadata.namespace);
      const problem = problemOf(pod, name, claim);
      if (problem !== undefined || claim === undefined) return problem;
      const volume = claim.spec.volumeName ? this.#volumes.get(claim.spec.volumeName) : undefined;
      if (isBound(claim) && volume !== undefined) found.volumes.push(volume);
      else if (this.#isDelayed(claim)) found.waiting.push(claim);
      else unbound = true;
    }
    return unbound ? "pod has unbound immediate PersistentVolumeClaims" : found;
  }

  #isDelayed(claim: PersistentVolumeClaim): boolean {
    return !isBound(claim) && this.#classes.get(classOf(claim))?.volumeBindingMode === "WaitForFirstConsumer";
  }

  /** Undefined when the claims have, or can get, their volumes on the node. */
  refuse(claims: PodClaims, node: Node): Refusal | undefined {
    const reasons: string[] = [];
    if (!claims.volumes.every((volume) => isReachable(volume, node))) {
      reasons.push("node(s) didn't match PersistentVolume's node affinity");
    }
    if (!claims.waiting.every((claim) => this.#canGet(claim, node))) {
      reasons.push("node(s) didn't find available persistent volumes to bind");
    }
    return reasons.length > 0 ? { reasons, resolvable: false } : undefined;
  }

  #canGet(claim: PersistentVolumeClaim, node: Node): boolean {
    const selected = claim.metadata.annotations?.[selectedNodeAnnotation];
    if (selected !== undefined) return selected === node.metadata.name;
    if (this.#volumeFor(claim, node) !== undefined) return true;
    const provisioner = this.#classes.get(classOf(claim))?.provisioner;
    return provisioner !== undefined && provisioner !== noProvisioner && claim.spec.selector === undefined;
  }

  #volumeFor(claim: PersistentVolumeClaim, node: Node): PersistentVolume | undefined {
    const free = this.#volumes.list().filter(({ metadata }) => {
      const taker = this.#taken.get(metadata.name ?? "");
      return taker === undefined || taker === objectKey(claim);
    });
    return bestVolume(free, claim, { node });
  }

  /** Chooses the volumes, or the node they are to be made for, and waits until the claims are bound. */
  async bind(pod: Pod, claims: PodClaims, node: Node): Promise<void> {
    const chosen: [PersistentVolumeClaim, PersistentVolume | undefined][] = [];
    for (const claim of claims.waiting) {
      const selected = claim.metadata.annotations?.[selectedNodeAnnotation] !== undefined;
      const volume = selected ? undefined : this.#volumeFor(claim, node);
      if (volume !== undefined) this.#taken.set(volume.metadata.name ?? "", objectKey(claim));
      chosen.push([claim, volume]);
    }
    try {
      const bound = this.#bound(pod.metadata.uid ?? "", claims.waiting.map(objectKey));
      // The writes may fail while nobody waits yet.
      bound.catch(() => {});
      try {
        for (const [claim, volume] of chosen) await this.#choose(claim, volume, node);
      } catch (error) {
        this.cancel(pod.metadata.uid ?? "");
        throw error;
      }
      this.#release();
      await bound;
    } finally {
      for (const [, volume] of chosen) this.#taken.delete(volume?.metadata.name ?? "");
    }
  }

  async #choose(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined, node: Node): Promise<void> {
    const { name = "", namespace = "", uid = "", annotations } = claim.metadata;
    if (volume !== undefined) {
      const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid };
      const metadata = {
        ...volume.metadata,
        annotations: { ...volume.metadata.annotations, [byControllerAnnotation]: "yes" },
      };
      const spec = { ...volume.spec, claimRef: { ...volume.spec.claimRef, ...claimRef } };
      await this.#client.resource<PersistentVolume>(persistentVolumes).update({ ...volume, metadata, spec });
    } else if (annotations?.[selectedNodeAnnotation] === undefined) {
      const patch = { metadata: { uid, annotations: { [selectedNodeAnnotation]: node.metadata.name ?? "" } } };
      await this.#client.resource(persistentVolumeClaims).patch(name, namespace, patch, { type: "merge" });
    }
  }

  #bound(uid: string, keys: string[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = this.#clock.after(bindTimeoutMs, () => done(new Error("the volumes were not bound in time")));
    const done = (error?: Error): void => {
      timer.cancel();
      this.#waiters.delete(uid);
      if (error === undefined) resolve();
      else reject(error);
    };
    this.#waiters.set(uid, { keys, done });
    return promise;
  }

  #release(): void {
    for (const { keys, done } of [...this.#waiters.values()]) {
      const claims = keys.map((key) => this.#claimOf(key));
      if (claims.some((claim) => claim === undefined)) done(new Error("a claim of the pod was deleted"));
      else if (claims.every((claim) => claim !== undefined && isBound(claim))) done();
    }
  }

  #claimOf(key: string): PersistentVolumeClaim | undefined {
    const slash = key.indexOf("/");
    return this.#claims.get(key.slice(slash + 1), key.slice(0, slash));
  }

  /** Nobody waits for the volumes of the pod any more. */
  cancel(uid: string): void {
    this.#waiters.get(uid)?.done(new Error("the pod does not wait for its volumes any more"));
  }

  close(): void {
    for (const uid of [...this.#waiters.keys()]) this.cancel(uid);
  }
}

function problemOf(pod: Pod, name: string, claim: PersistentVolumeClaim | undefined): string | undefined {
  const quoted = JSON.stringify(name);
  const own = pod.spec.volumes?.some((volume) => volume.ephemeral && `${pod.metadata.name}-${volume.name}` === name);
  if (claim === undefined) {
    return own
      ? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${quoted}`
      : `persistentvolumeclaim ${quoted} not found`;
  }
  if (claim.status?.phase === "Lost") {
    const volume = JSON.stringify(claim.spec.volumeName ?? "");
    return `persistentvolumeclaim ${quoted} bound to non-existent persistentvolume ${volume}`;
  }
  return claim.metadata.deletionTimestamp === undefined
    ? undefined
    : `persistentvolumeclaim ${quoted} is being deleted`;
}

function isBound(claim: PersistentVolumeClaim): boolean {
  return (
    Boolean(claim.spec.volumeName) && claim.metadata.annotations?.["pv.kubernetes.io/bind-completed"] !== undefined
  );
}
