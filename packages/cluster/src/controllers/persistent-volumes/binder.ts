/**
 * Binds claims and volumes to each other, makes the volumes of the local provisioner, and takes them away again
 * (k8s.io/kubernetes/pkg/controller/volume/persistentvolume/pv_controller.go).
 */
import { objectKey, persistentVolumeClaims, persistentVolumes, splitKey, WorkQueue } from "@podwright/client";
import { formatTime } from "@podwright/kube";
import { type Controller, type ControllerContext, isAlreadyExists, isNotFound, reportTo } from "../controller.ts";
import { claimInformer, storageClassInformer, volumeInformer } from "../informers.ts";
import { RecentWrites } from "../recent-writes.ts";
import { statusPatch } from "../status-patch.ts";
import {
  localProvisioner,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
  selectedNodeAnnotation,
} from "./kinds.ts";
import { imaginedFolders, type LocalFolders } from "./local-folders.ts";
import { bestVolume, classOf, isMeantFor, mismatch } from "./matching.ts";
import { isOfLocalProvisioner, localVolume } from "./provisioning.ts";

const boundAnnotation = "pv.kubernetes.io/bind-completed";
export const byControllerAnnotation = "pv.kubernetes.io/bound-by-controller";

export function createVolumeBinder(context: ControllerContext, folders: LocalFolders = imaginedFolders): Controller {
  const { client, recorder, clock } = context;
  const claimClient = client.resource<PersistentVolumeClaim>(persistentVolumeClaims);
  const volumeClient = client.resource<PersistentVolume>(persistentVolumes);
  const claims = claimInformer(context.informers);
  const volumes = volumeInformer(context.informers);
  const classes = storageClassInformer(context.informers);
  const claimWrites = new RecentWrites(claims, clock);
  const volumeWrites = new RecentWrites(volumes, clock);
  // One at a time: no two claims are to get one volume. Keys are "namespace/name" of claims, names of volumes.
  const queue = new WorkQueue({ reconcile, concurrency: 1, clock, onError: reportTo(context.logger, "volume-binder") });

  const enqueueClaim = (claim: PersistentVolumeClaim): void => queue.add(objectKey(claim));
  claims.onChange({
    added: enqueueClaim,
    updated: enqueueClaim,
    deleted: ({ spec: { volumeName } }) => {
      if (volumeName) queue.add(volumeName);
    },
  });
  const enqueueVolume = (volume: PersistentVolume): void => {
    queue.add(volume.metadata.name ?? "");
    const { claimRef } = volume.spec;
    if (claimRef?.name && claimRef.namespace) queue.add(`${claimRef.namespace}/${claimRef.name}`);
    else enqueueWaiting();
  };
  volumes.onChange({ added: enqueueVolume, updated: enqueueVolume, deleted: enqueueVolume });
  classes.onChange({ added: enqueueWaiting, updated: enqueueWaiting });

  function enqueueWaiting(): void {
    for (const claim of claims.list()) if (claim.status?.phase !== "Bound") enqueueClaim(claim);
  }

  async function reconcile(key: string): Promise<void> {
    const { namespace, name } = splitKey(key);
    if (namespace === undefined) {
      const volume = volumeOf(name);
      if (volume !== undefined) await syncVolume(volume);
      return;
    }
    const claim = claimOf(namespace, name);
    if (claim === undefined) return;
    if (claim.metadata.annotations?.[boundAnnotation] !== undefined) await syncBound(claim);
    else if (claim.metadata.deletionTimestamp === undefined) await syncUnbound(claim);
  }

  function claimOf(namespace: string, name: string): PersistentVolumeClaim | undefined {
    const cached = claims.get(name, namespace);
    return cached && claimWrites.newest(cached);
  }

  function volumeOf(name: string): PersistentVolume | undefined {
    const cached = volumes.get(name);
    return cached && volumeWrites.newest(cached);
  }

  async function syncUnbound(claim: PersistentVolumeClaim): Promise<void> {
    const { volumeName } = claim.spec;
    if (volumeName) {
      const volume = volumeOf(volumeName);
      const problem = volume && refusal(volume, claim);
      if (volume !== undefined && problem === undefined) return bind(volume, claim);
      if (problem !== undefined) recorder.event(claim, "Warning", problem.reason, problem.message);
      return writeClaimStatus(claim, { phase: "Pending" });
    }
    const storageClass = classes.get(classOf(claim));
    const delayed = storageClass?.volumeBindingMode === "WaitForFirstConsumer";
    const known = volumeWrites.merge(volumes.list(), () => true);
    const volume = bestVolume(known, claim, { onlyMeant: delayed });
    if (volume !== undefined) return bind(volume, claim);
    if (delayed && claim.metadata.annotations?.[selectedNodeAnnotation] === undefined) {
      const message = "waiting for first consumer to be created before binding";
      recorder.event(claim, "Normal", "WaitForFirstConsumer", message);
    } else if (classOf(claim) !== "") {
      if (await provision(claim, storageClass)) return;
    } else {
      const message = "no persistent volumes available for this claim and no storage class is set";
      recorder.event(claim, "Normal", "FailedBinding", message);
    }
    await writeClaimStatus(claim, { phase: "Pending" });
  }

  function refusal(
    volume: PersistentVolume,
    claim: PersistentVolumeClaim,
  ): { reason: string; message: string } | undefined {
    const name = JSON.stringify(volume.metadata.name);
    if (volume.spec.claimRef !== undefined && !isMeantFor(volume, claim)) {
      return { reason: "FailedBinding", message: `volume ${name} already bound to a different claim.` };
    }
    const problem = mismatch(volume, claim);
    if (problem === undefined || volume.spec.claimRef?.uid === claim.metadata.uid) return undefined;
    return { reason: "VolumeMismatch", message: `Cannot bind to requested volume ${name}: ${problem}` };
  }

  /** A claim that was bound once: to a volume that is there, or it is lost. */
  async function syncBound(claim: PersistentVolumeClaim): Promise<void> {
    const volume = claim.spec.volumeName ? volumeOf(claim.spec.volumeName) : undefined;
    if (volume !== undefined && (volume.spec.claimRef === undefined || isMeantFor(volume, claim))) {
      return bind(volume, claim);
    }
    if (claim.status?.phase === "Lost") return;
    const message =
      volume === undefined
        ? "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        : "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
    recorder.event(claim, "Warning", volume === undefined ? "ClaimLost" : "ClaimMisbound", message);
    await writeClaimStatus(claim, { phase: "Lost" });
  }

  async function bind(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
    const taken = await refer(volume, claim);
    await writeVolumePhase(taken, "Bound");
    const { name = "" } = volume.metadata;
    const { annotations = {}, namespace, uid } = claim.metadata;
    let bound = claim;
    if (claim.spec.volumeName !== name || annotations[boundAnnotation] === undefined) {
      const chosen = claim.spec.volumeName ? {} : { [byControllerAnnotation]: "yes" };
      const metadata = { uid, annotations: { ...chosen, [boundAnnotation]: "yes" } };
      const patch = { metadata, spec: { volumeName: name } };
      bound = await claimClient.patch(claim.metadata.name ?? "", namespace, patch, { type: "merge" });
      claimWrites.wrote(bound);
    }
    const { accessModes = [], capacity = {} } = volume.spec;
    await writeClaimStatus(bound, { phase: "Bound", accessModes, capacity });
  }

  /** The volume's reference to the claim, provided that nobody else took the volume meanwhile. */
  async function refer(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<PersistentVolume> {
    if (volume.spec.claimRef?.uid === claim.metadata.uid) return volume;
    const { name = "", namespace = "", uid = "", resourceVersion = "" } = claim.metadata;
    const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid, resourceVersion };
    const annotations =
      volume.spec.claimRef === undefined
        ? { ...volume.metadata.annotations, [byControllerAnnotation]: "yes" }
        : volume.metadata.annotations;
    const metadata = annotations === undefined ? volume.metadata : { ...volume.metadata, annotations };
    const written = await volumeClient.update({ ...volume, metadata, spec: { ...volume.spec, claimRef } });
    volumeWrites.wrote(written);
    return written;
  }

  /** True when the claim has its volume now; for others' provisioners there is only to wait. */
  async function provision(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined): Promise<boolean> {
    const name = classOf(claim);
    if (storageClass === undefined) {
      const message = `storageclass.storage.k8s.io ${JSON.stringify(name)} not found`;
      recorder.event(claim, "Warning", "ProvisioningFailed", message);
      return false;
    }
    const { provisioner } = storageClass;
    if (provisioner === "kubernetes.io/no-provisioner") return false;
    if (provisioner !== localProvisioner) {
      const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
      recorder.event(claim, "Normal", "ExternalProvisioning", message);
      return false;
    }
    const wanted = localVolume(claim, storageClass, folders.directory);
    const volume = await volumeClient.create(wanted).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
      return volumeClient.get(wanted.metadata.name ?? "");
    });
    volumeWrites.wrote(volume);
    const message = `Successfully provisioned volume ${volume.metadata.name}`;
    recorder.event(claim, "Normal", "ProvisioningSucceeded", message);
    await bind(volume, claim);
    return true;
  }

  async function syncVolume(volume: PersistentVolume): Promise<void> {
    const { claimRef } = volume.spec;
    if (claimRef === undefined || !claimRef.uid) return writeVolumePhase(volume, "Available");
    const { namespace = "", name = "" } = claimRef;
    const claim = claimOf(namespace, name) ?? (await existing(namespace, name));
    if (claim === undefined || claim.metadata.uid !== claimRef.uid) return release(volume);
    if (claim.spec.volumeName === volume.metadata.name) await writeVolumePhase(volume, "Bound");
  }

  /** A claim that the informer does not show may be new. */
  async function existing(namespace: string, name: string): Promise<PersistentVolumeClaim | undefined> {
    return claimClient.get(name, namespace).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return undefined;
    });
  }

  /** The claim is gone: what was made for it goes too, where that is wanted. */
  async function release(volume: PersistentVolume): Promise<void> {
    await writeVolumePhase(volume, "Released");
    if (volume.spec.persistentVolumeReclaimPolicy !== "Delete" || !isOfLocalProvisioner(volume)) return;
    if (volume.metadata.deletionTimestamp !== undefined) return;
    const { name = "", uid = "" } = volume.metadata;
    try {
      await folders.remove(volume.spec.hostPath?.path ?? "");
    } catch (error) {
      recorder.event(volume, "Warning", "VolumeFailedDelete", (error as Error).message);
      throw error;
    }
    await volumeClient.delete(name, undefined, { preconditions: { uid } }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }

  async function writeVolumePhase(volume: PersistentVolume, phase: "Available" | "Bound" | "Released"): Promise<void> {
    if (volume.status?.phase === phase) return;
    const { name = "", uid } = volume.metadata;
    const status = { phase, lastPhaseTransitionTime: formatTime(clock.now()), message: null, reason: null };
    const options = { type: "merge", subresource: "status" } as const;
    volumeWrites.wrote(await volumeClient.patch(name, undefined, { metadata: { uid }, status }, options));
  }

  async function writeClaimStatus(
    claim: PersistentVolumeClaim,
    status: NonNullable<PersistentVolumeClaim["status"]>,
  ): Promise<void> {
    const patch = statusPatch(claim.status, { ...claim.status, ...status });
    if (patch === undefined) return;
    const { name = "", namespace, uid } = claim.metadata;
    const options = { type: "merge", subresource: "status" } as const;
    claimWrites.wrote(await claimClient.patch(name, namespace, { metadata: { uid }, ...patch }, options));
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}
