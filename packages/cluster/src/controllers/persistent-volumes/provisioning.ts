import {
  localProvisioner,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
  selectedNodeAnnotation,
} from "./kinds.ts";

const provisionedByAnnotation = "pv.kubernetes.io/provisioned-by";

/**
 * The volume that a claim asks for: a folder of the node that was chosen for its first pod, as the provisioners of
 * small clusters make them.
 *
 * @param directory where such folders are
 */
export function localVolume(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  directory: string,
): PersistentVolume {
  const name = `pvc-${claim.metadata.uid}`;
  const node = claim.metadata.annotations?.[selectedNodeAnnotation];
  const { accessModes = [], volumeMode = "Filesystem" } = claim.spec;
  const onNode = { key: "kubernetes.io/hostname", operator: "In", values: [node ?? ""] };
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, annotations: { [provisionedByAnnotation]: localProvisioner } },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.["storage"] ?? "0" },
      accessModes,
      volumeMode,
      storageClassName: storageClass.metadata.name ?? "",
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? "Delete",
      claimRef: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        namespace: claim.metadata.namespace ?? "",
        name: claim.metadata.name ?? "",
        uid: claim.metadata.uid ?? "",
      },
      hostPath: { path: `${directory}/${name}`, type: "DirectoryOrCreate" },
      ...(node === undefined
        ? {}
        : { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [onNode] }] } } }),
    },
  };
}

export function isOfLocalProvisioner({ metadata }: PersistentVolume): boolean {
  return metadata.annotations?.[provisionedByAnnotation] === localProvisioner;
}
