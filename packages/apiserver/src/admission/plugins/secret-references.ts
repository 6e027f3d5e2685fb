import type { KubeObject } from "@podwright/kube";

interface Container {
  name: string;
  env?: { name: string; valueFrom?: { secretKeyRef?: { name?: string } } }[];
  envFrom?: { secretRef?: { name?: string } }[];
}

/**
 * For service accounts that list the secrets their pods may use: what is wrong with the pod, or undefined
 * (k8s.io/kubernetes/plugin/pkg/admission/serviceaccount/admission.go, limitSecretReferences).
 */
export function checkSecretReferences(account: KubeObject, pod: KubeObject): string | undefined {
  const owner = account.metadata.name;
  const mountable = names(account["secrets"]);
  const spec = pod["spec"];
  for (const volume of spec.volumes ?? []) {
    const secret: string | undefined = volume.secret?.secretName;
    if (secret !== undefined && !mountable.has(secret)) {
      return `volume with secret.secretName="${secret}" is not allowed because service account ${owner} does not reference that secret`;
    }
  }
  const containers: [string, Container][] = [
    ...(spec.initContainers ?? []).map((c: Container) => ["init container", c] as [string, Container]),
    ...(spec.containers ?? []).map((c: Container) => ["container", c] as [string, Container]),
  ];
  for (const [title, container] of containers) {
    for (const variable of container.env ?? []) {
      const secret = variable.valueFrom?.secretKeyRef;
      if (secret !== undefined && !mountable.has(secret.name ?? "")) {
        return `${title} ${container.name} with envVar ${variable.name} referencing secret.secretName="${secret.name ?? ""}" is not allowed because service account ${owner} does not reference that secret`;
      }
    }
    for (const source of container.envFrom ?? []) {
      if (source.secretRef !== undefined && !mountable.has(source.secretRef.name ?? "")) {
        return `${title} ${container.name} with envFrom referencing secret.secretName="${source.secretRef.name ?? ""}" is not allowed because service account ${owner} does not reference that secret`;
      }
    }
  }
  const pullable = names(account["imagePullSecrets"]);
  for (const [index, reference] of ((spec.imagePullSecrets ?? []) as { name?: string }[]).entries()) {
    if (!pullable.has(reference.name ?? "")) {
      return `imagePullSecrets[${index}].name="${reference.name ?? ""}" is not allowed because service account ${owner} does not reference that imagePullSecret`;
    }
  }
  return undefined;
}

/** Does the pod use any secret: for its environment, its volumes, or to pull images? */
export function referencesSecrets(pod: KubeObject): boolean {
  const spec = pod["spec"];
  const containers: Container[] = [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  return (
    (spec.imagePullSecrets ?? []).length > 0 ||
    containers.some(
      (container) =>
        container.env?.some((variable) => variable.valueFrom?.secretKeyRef !== undefined) ||
        container.envFrom?.some((source) => source.secretRef !== undefined),
    ) ||
    (spec.volumes ?? []).some(usesSecret)
  );
}

/** Volume sources that name a secret (k8s.io/kubernetes/pkg/api/v1/pod/util.go, VisitPodSecretNames). */
function usesSecret(volume: Record<string, Record<string, unknown> | undefined>): boolean {
  const direct = ["azureFile", "secret"];
  const referring = ["cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos"];
  const projected = volume["projected"]?.["sources"] as Record<string, unknown>[] | undefined;
  return (
    direct.some((source) => volume[source] !== undefined) ||
    referring.some((source) => volume[source]?.["secretRef"] !== undefined) ||
    volume["csi"]?.["nodePublishSecretRef"] !== undefined ||
    (projected ?? []).some((source) => source["secret"] !== undefined)
  );
}

function names(references: { name?: string }[] | undefined): Set<string> {
  return new Set((references ?? []).map((reference) => reference.name ?? ""));
}
