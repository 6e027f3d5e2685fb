import { daemonSets, deployments, type ResourceRef, statefulSets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { isRolledOut } from "../rolled-out.ts";
import { type Reference, redeployKeys } from "./annotation.ts";
import { referencesOf } from "./references.ts";
import { stateKey } from "./state.ts";

/** As `kubectl rollout restart` writes it into the pod template. */
export const restartedAtKey = "kubectl.kubernetes.io/restartedAt";

export type WorkloadKind = "Deployment" | "StatefulSet" | "DaemonSet";

export const workloadRefs: Readonly<Record<WorkloadKind, ResourceRef>> = {
  Deployment: deployments,
  StatefulSet: statefulSets,
  DaemonSet: daemonSets,
};

/** What is remembered of a Deployment, StatefulSet or DaemonSet: little, there may be thousands. */
export interface Workload extends KubeObject {
  kind: WorkloadKind;
  /** What its pod template refers to. */
  references: Reference[];
  /** When its pods were restarted last, if ever. */
  restartedAt?: string;
  /** Whether all its pods are of the current template, and available. */
  rolledOut: boolean;
  /** Changes when something does that redeploying looks at. */
  signature: string;
}

/** An informer's transform. */
export function toWorkload(object: KubeObject): Workload {
  const { name, namespace, uid, resourceVersion, generation, deletionTimestamp } = object.metadata;
  const annotations: Record<string, string> = {};
  for (const key of [...redeployKeys, stateKey]) {
    const value = object.metadata.annotations?.[key];
    if (value !== undefined) annotations[key] = value;
  }
  const template = object["spec"]?.template;
  const references = referencesOf(template?.spec ?? {});
  const restartedAt: string | undefined = template?.metadata?.annotations?.[restartedAtKey];
  return {
    apiVersion: "apps/v1",
    kind: object.kind as WorkloadKind,
    metadata: {
      name: name as string,
      namespace: namespace as string,
      uid: uid as string,
      resourceVersion: resourceVersion as string,
      generation: generation ?? 0,
      annotations,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    references,
    ...(restartedAt === undefined ? {} : { restartedAt }),
    rolledOut: isRolledOut(object),
    signature: JSON.stringify([annotations, references, deletionTimestamp !== undefined]),
  };
}

/** "Deployment/default/web", the key in queues. */
export function workloadKey(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}
