/** Writes a StatefulSet's pods and claims (k8s.io/kubernetes/pkg/controller/statefulset/stateful_pod_control.go). */
import {
  type Client,
  type Clock,
  type EventRecorder,
  type Informer,
  persistentVolumeClaims,
  type ResourceClient,
} from "@podwright/client";
import { messageOf } from "@podwright/kube";
import type { Pod } from "../../kinds.ts";
import { isAlreadyExists } from "../controller.ts";
import type { PersistentVolumeClaim } from "../persistent-volumes/kinds.ts";
import type { PodWriter } from "../pod-writer.ts";
import { RecentWrites } from "../recent-writes.ts";
import { claimsOf, hasIdentity, hasStorage, volumesOf, withIdentity } from "./identity.ts";
import { hasUnexpectedController, isStale, retentionPolicy, wantedOwners } from "./retention.ts";
import type { StatefulSet } from "./stateful-set.ts";

type Verb = "Create" | "Update" | "Delete";

export class Members {
  readonly #pods: PodWriter;
  readonly #recorder: EventRecorder;
  readonly #client: ResourceClient<PersistentVolumeClaim>;
  readonly #cache: Informer<PersistentVolumeClaim>;
  readonly #writes: RecentWrites<PersistentVolumeClaim>;

  constructor(parts: {
    client: Client;
    pods: PodWriter;
    claims: Informer<PersistentVolumeClaim>;
    recorder: EventRecorder;
    clock: Clock;
  }) {
    this.#pods = parts.pods;
    this.#recorder = parts.recorder;
    this.#client = parts.client.resource<PersistentVolumeClaim>(persistentVolumeClaims);
    this.#cache = parts.claims;
    this.#writes = new RecentWrites(parts.claims, parts.clock);
  }

  /** Claims first, then the pod. */
  async create(set: StatefulSet, pod: Pod): Promise<void> {
    try {
      await this.#createClaims(set, pod);
      const created = await this.#pods.create(pod);
      await this.#keepOwners(set, created);
    } catch (error) {
      if (!isAlreadyExists(error)) this.#tellPod("Create", set, pod, error);
      throw error;
    }
    this.#tellPod("Create", set, pod);
  }

  async delete(set: StatefulSet, pod: Pod): Promise<void> {
    try {
      await this.#pods.delete(pod);
    } catch (error) {
      this.#tellPod("Delete", set, pod, error);
      throw error;
    }
    this.#tellPod("Delete", set, pod);
  }

  /** Makes the claims that a pending pod lacks. */
  async completeClaims(set: StatefulSet, pod: Pod): Promise<void> {
    await this.#createClaims(set, pod);
    await this.keepClaims(set, pod);
  }

  /** Gives the pod its labels, its volumes and its claims' owners where it lacks them. */
  async conform(set: StatefulSet, pod: Pod): Promise<void> {
    await this.keepClaims(set, pod);
    if (hasIdentity(set, pod) && hasStorage(set, pod)) return;
    const identified = withIdentity(set, pod);
    try {
      if (!hasStorage(set, pod)) await this.#createClaims(set, pod);
      await this.#pods.update({ ...identified, spec: { ...pod.spec, volumes: volumesOf(set, pod) } });
    } catch (error) {
      this.#tellPod("Update", set, pod, error);
      throw error;
    }
    this.#tellPod("Update", set, pod);
  }

  /** Gives the pod's claims the owners that the retention policy wants. */
  async keepClaims(set: StatefulSet, pod: Pod): Promise<void> {
    try {
      await this.#keepOwners(set, pod);
    } catch (error) {
      this.#tellPod("Update", set, pod, error);
      throw error;
    }
  }

  /** Is a claim of the pod to go with its predecessor? The new pod has to wait for that. */
  hasStaleClaim(set: StatefulSet, pod: Pod): boolean {
    if (retentionPolicy(set).whenScaled === "Retain") return false;
    return claimsOf(set, pod).some(({ claim }) => {
      const existing = this.#claim(claim);
      return existing !== undefined && isStale(existing, pod);
    });
  }

  async #createClaims(set: StatefulSet, pod: Pod): Promise<void> {
    const problems: string[] = [];
    for (const { claim } of claimsOf(set, pod)) {
      const { name = "" } = claim.metadata;
      const existing = this.#claim(claim);
      if (existing !== undefined) {
        if (existing.metadata.deletionTimestamp !== undefined) problems.push(`pvc ${name} is being deleted`);
        continue;
      }
      try {
        this.#writes.wrote(await this.#client.create(claim));
        const message = `Create Claim ${name} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} success`;
        this.#recorder.event(set, "Normal", "SuccessfulCreate", message);
      } catch (error) {
        problems.push(`failed to create PVC ${name}: ${messageOf(error)}`);
        if (isAlreadyExists(error)) continue;
        const message = `Create Claim ${name} for Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} failed error: ${messageOf(error)}`;
        this.#recorder.event(set, "Warning", "FailedCreate", message);
      }
    }
    if (problems.length === 1) throw new Error(problems[0]);
    if (problems.length > 1) throw new Error(`[${problems.join(", ")}]`);
  }

  async #keepOwners(set: StatefulSet, pod: Pod): Promise<void> {
    for (const { claim } of claimsOf(set, pod)) {
      const existing = this.#claim(claim);
      if (existing === undefined) continue;
      const { name } = existing.metadata;
      if (hasUnexpectedController(existing, set, pod)) {
        const message = `PersistentVolumeClaim ${name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`;
        this.#recorder.event(set, "Warning", "ConflictingController", message);
      }
      const ownerReferences = wantedOwners(existing, set, pod);
      if (ownerReferences === undefined) continue;
      this.#writes.wrote(
        await this.#client.update({ ...existing, metadata: { ...existing.metadata, ownerReferences } }),
      );
    }
  }

  #claim(wanted: PersistentVolumeClaim): PersistentVolumeClaim | undefined {
    const cached = this.#cache.get(wanted.metadata.name ?? "", wanted.metadata.namespace);
    return cached && this.#writes.newest(cached);
  }

  #tellPod(verb: Verb, set: StatefulSet, pod: Pod, error?: unknown): void {
    const what = `${verb} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
    if (error === undefined) this.#recorder.event(set, "Normal", `Successful${verb}`, `${what} successful`);
    else this.#recorder.event(set, "Warning", `Failed${verb}`, `${what} failed error: ${messageOf(error)}`);
  }
}
