import { configMaps, type ResourceRef, secrets } from "@podwright/client";
import type { Container, Pod } from "../../kinds.ts";

export interface ObjectReference {
  resource: ResourceRef;
  namespace: string;
  name: string;
}

/**
 * The ConfigMaps and Secrets that a pod's volumes, variables and image pulls need, each once
 * (k8s.io/kubernetes/pkg/api/v1/pod/util.go, VisitPodConfigmapNames, VisitPodSecretNames).
 */
export function podReferences(pod: Pod): ObjectReference[] {
  const { namespace = "" } = pod.metadata;
  const found = new Map<string, ObjectReference>();
  const add = (resource: ResourceRef, name: string | undefined): void => {
    if (name) found.set(`${resource.resource}/${name}`, { resource, namespace, name });
  };
  for (const { name } of pod.spec.imagePullSecrets ?? []) add(secrets, name);
  for (const volume of pod.spec.volumes ?? []) {
    const source = volume as VolumeSources;
    add(configMaps, source.configMap?.name);
    add(secrets, source.secret?.secretName);
    for (const { configMap, secret } of source.projected?.sources ?? []) {
      add(configMaps, configMap?.name);
      add(secrets, secret?.name);
    }
  }
  for (const container of containersOf(pod)) {
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      add(configMaps, configMapRef?.name);
      add(secrets, secretRef?.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      const { configMapKeyRef, secretKeyRef } = (valueFrom ?? {}) as Record<string, Named | undefined>;
      add(configMaps, configMapKeyRef?.name);
      add(secrets, secretKeyRef?.name);
    }
  }
  return [...found.values()];
}

/** All of the pod's containers, those added for debugging too. */
export function containersOf(pod: Pod): Container[] {
  const { initContainers = [], containers } = pod.spec;
  const added = ((pod.spec as { ephemeralContainers?: Container[] }).ephemeralContainers ?? []) as Container[];
  return [...initContainers, ...containers, ...added];
}

interface Named {
  name?: string;
}

interface VolumeSources {
  configMap?: Named;
  secret?: { secretName?: string };
  projected?: { sources?: { configMap?: Named; secret?: Named }[] };
}
