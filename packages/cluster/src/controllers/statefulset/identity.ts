/** Names, labels and volumes of a StatefulSet's pods (k8s.io/kubernetes/pkg/controller/statefulset/stateful_set_utils.go). */
import type { Pod, PodTemplate, PodVolume } from "../../kinds.ts";
import { revisionHashLabel } from "../controller-revisions.ts";
import type { PersistentVolumeClaim } from "../persistent-volumes/kinds.ts";
import { podFromTemplate } from "../pod-from-template.ts";
import type { StatefulSet } from "./stateful-set.ts";

const podNameLabel = "statefulset.kubernetes.io/pod-name";
const podIndexLabel = "apps.kubernetes.io/pod-index";
const largestOrdinal = 0x7fffffff;

/** "web-3" is of the parent "web", the third; undefined for names without a number. */
function parseName(pod: Pod): { parent: string; ordinal: number } | undefined {
  const match = /^(.*)-(\d+)$/s.exec(pod.metadata.name ?? "");
  if (match === null) return undefined;
  const ordinal = Number(match[2]);
  return ordinal > largestOrdinal ? undefined : { parent: match[1] ?? "", ordinal };
}

/** -1 for a pod without one. */
export function ordinalOf(pod: Pod): number {
  return parseName(pod)?.ordinal ?? -1;
}

export function isMember(set: StatefulSet, pod: Pod): boolean {
  return parseName(pod)?.parent === set.metadata.name;
}

/** The revision that a pod was made from; "" when it says none. */
export function revisionOf(pod: Pod): string {
  return pod.metadata.labels?.[revisionHashLabel] ?? "";
}

/** The pod of an ordinal, as the template of a revision has it. */
export function newPod(set: StatefulSet, template: PodTemplate, revision: string, ordinal: number): Pod {
  const pod = podFromTemplate(template, set);
  const { generateName: _generated, ...metadata } = pod.metadata;
  const name = `${set.metadata.name}-${ordinal}`;
  const withName: Pod = { ...pod, metadata: { ...metadata, name } };
  const identified = withIdentity(set, withName);
  return {
    ...identified,
    metadata: { ...identified.metadata, labels: { ...identified.metadata.labels, [revisionHashLabel]: revision } },
    spec: {
      ...identified.spec,
      hostname: name,
      ...(set.spec.serviceName ? { subdomain: set.spec.serviceName } : {}),
      volumes: volumesOf(set, withName),
    },
  };
}

/** The pod with the labels of its identity. */
export function withIdentity(set: StatefulSet, pod: Pod): Pod {
  const ordinal = ordinalOf(pod);
  const name = `${set.metadata.name}-${ordinal}`;
  const labels = { ...pod.metadata.labels, [podNameLabel]: name, [podIndexLabel]: String(ordinal) };
  return { ...pod, metadata: { ...pod.metadata, name, labels } };
}

export function hasIdentity(set: StatefulSet, pod: Pod): boolean {
  return isMember(set, pod) && pod.metadata.labels?.[podNameLabel] === pod.metadata.name;
}

/** Do the pod's volumes use the claims that are meant for it? */
export function hasStorage(set: StatefulSet, pod: Pod): boolean {
  return claimsOf(set, pod).every(({ template, claim }) => {
    const volume = pod.spec.volumes?.find(({ name }) => name === template);
    return volume?.persistentVolumeClaim?.claimName === claim.metadata.name;
  });
}

/** The claims' volumes first; they take the place of the template's of the same name. */
export function volumesOf(set: StatefulSet, pod: Pod): PodVolume[] {
  const claims = claimsOf(set, pod);
  const names = new Set(claims.map(({ template }) => template));
  return [
    ...claims.map(({ template, claim }) => ({
      name: template,
      persistentVolumeClaim: { claimName: claim.metadata.name ?? "" },
    })),
    ...(pod.spec.volumes ?? []).filter((volume) => !names.has(volume.name)),
  ];
}

/** The claims of a pod, each with the name of its template. */
export function claimsOf(set: StatefulSet, pod: Pod): { template: string; claim: PersistentVolumeClaim }[] {
  const ordinal = ordinalOf(pod);
  return (set.spec.volumeClaimTemplates ?? []).map((given) => {
    const template = given.metadata.name ?? "";
    const { status: _status, ...claim } = structuredClone(given);
    const labels = { ...claim.metadata.labels, ...set.spec.selector.matchLabels };
    const name = `${template}-${set.metadata.name}-${ordinal}`;
    const metadata = { ...claim.metadata, name, namespace: set.metadata.namespace ?? "", labels };
    return { template, claim: { ...claim, apiVersion: "v1", kind: "PersistentVolumeClaim", metadata } };
  });
}
