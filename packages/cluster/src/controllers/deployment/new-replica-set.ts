/** The ReplicaSet of the current template (k8s.io/kubernetes/pkg/controller/deployment/sync.go, getNewReplicaSet). */
import { messageOf } from "@podwright/kube";
import type { Deployment, PodTemplate, ReplicaSet } from "../../kinds.ts";
import { controllerOf, controllerReference } from "../../owner-references.ts";
import { findCondition } from "../conditions.ts";
import { isAlreadyExists, isNamespaceTerminating } from "../controller.ts";
import { maxRevision, newReplicaSetAnnotations, revisionAnnotation, sizeAnnotations } from "./annotations.ts";
import { sameTemplate, templateHash } from "./hash.ts";
import { maxSurge, newReplicaSetSize, replicasOf } from "./limits.ts";
import {
  hasProgressDeadline,
  type Rollout,
  replaceReplicaSet,
  setDeploymentCondition,
  splitReplicaSets,
} from "./rollout.ts";

const hashLabel = "pod-template-hash";
const longestName = 253;

/**
 * Brings revision and annotations of the ReplicaSet of the current template up to date, if there is one, and
 * gives the Deployment its revision.
 */
export async function syncRevision(rollout: Rollout): Promise<void> {
  const { deployment } = rollout;
  const { current, old } = splitReplicaSets(rollout);
  if (current === undefined) return;
  const before = current.metadata.annotations ?? {};
  const annotations = newReplicaSetAnnotations(deployment, before, maxRevision(old) + 1);
  const changed = Object.entries(annotations).filter(([name, value]) => before[name] !== value);
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  if (changed.length > 0 || (current.spec.minReadySeconds ?? 0) !== minReadySeconds) {
    const written = await rollout.writer.change(current, { annotations: Object.fromEntries(changed), minReadySeconds });
    replaceReplicaSet(rollout, written);
  }
  setRevision(deployment, annotations[revisionAnnotation]);
  if (hasProgressDeadline(deployment) && !findCondition(deployment.status?.conditions, "Progressing")) {
    setDeploymentCondition(
      rollout,
      "Progressing",
      "True",
      "FoundNewReplicaSet",
      `Found new replica set "${current.metadata.name}"`,
    );
  }
}

/**
 * The ReplicaSet of the current template; created when there is none. Throws when that fails, or when the name
 * is taken by another: then collisionCount has gone up and the next pass takes another name.
 */
export async function ensureNewReplicaSet(rollout: Rollout): Promise<ReplicaSet> {
  const { deployment } = rollout;
  const { current, old } = splitReplicaSets(rollout);
  if (current !== undefined) return current;

  const revision = maxRevision(old) + 1;
  const wanted = newReplicaSet(deployment, old, revision);
  let created: ReplicaSet;
  let found = false;
  try {
    created = await rollout.writer.create(wanted);
  } catch (error) {
    if (isAlreadyExists(error)) {
      created = await existing(rollout, wanted, error);
      found = true;
    } else {
      if (!isNamespaceTerminating(error)) reportFailure(rollout, wanted, error);
      throw error;
    }
  }
  replaceReplicaSet(rollout, created);
  const size = replicasOf(created);
  if (!found && size > 0) {
    const message = `Scaled up replica set ${created.metadata.name} from 0 to ${size}`;
    rollout.event("Normal", "ScalingReplicaSet", message);
  }
  setRevision(deployment, String(revision));
  if (!found && hasProgressDeadline(deployment)) {
    const message = `Created new replica set "${created.metadata.name}"`;
    setDeploymentCondition(rollout, "Progressing", "True", "NewReplicaSetCreated", message);
  }
  return created;
}

function newReplicaSet(deployment: Deployment, old: readonly ReplicaSet[], revision: number): ReplicaSet {
  const hash = templateHash(deployment.spec.template, deployment.status?.collisionCount);
  const template: PodTemplate = structuredClone(deployment.spec.template);
  template.metadata = {
    ...template.metadata,
    labels: { ...template.metadata?.labels, [hashLabel]: hash },
  };
  const { selector } = deployment.spec;
  const replicaSet: ReplicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: replicaSetName(deployment.metadata.name ?? "", hash),
      namespace: deployment.metadata.namespace ?? "",
      labels: { ...template.metadata.labels },
      annotations: {
        ...newReplicaSetAnnotations(deployment, undefined, revision),
        ...sizeAnnotations(replicasOf(deployment), replicasOf(deployment) + maxSurge(deployment)),
      },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: 0,
      ...(deployment.spec.minReadySeconds ? { minReadySeconds: deployment.spec.minReadySeconds } : {}),
      selector: { ...structuredClone(selector), matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template,
    },
  };
  replicaSet.spec.replicas = newReplicaSetSize(deployment, old, replicaSet);
  return replicaSet;
}

function replicaSetName(deploymentName: string, hash: string): string {
  return `${deploymentName.slice(0, longestName - 1 - hash.length)}-${hash}`;
}

async function existing(rollout: Rollout, wanted: ReplicaSet, error: unknown): Promise<ReplicaSet> {
  const { deployment } = rollout;
  const taken = await rollout.writer.get(wanted);
  const ours = controllerOf(taken)?.uid === deployment.metadata.uid;
  if (ours && sameTemplate(deployment.spec.template, taken.spec.template)) return taken;
  const { status } = deployment;
  status.collisionCount = (status.collisionCount ?? 0) + 1;
  throw error;
}

function reportFailure(rollout: Rollout, wanted: ReplicaSet, error: unknown): void {
  const cause = messageOf(error);
  const message = `Failed to create new replica set "${wanted.metadata.name}": ${cause}`;
  if (hasProgressDeadline(rollout.deployment)) {
    setDeploymentCondition(rollout, "Progressing", "False", "ReplicaSetCreateError", message);
  }
  rollout.event("Warning", "ReplicaSetCreateError", message);
}

function setRevision(deployment: Deployment, revision: string | undefined): void {
  if (revision === undefined) return;
  deployment.metadata.annotations = { ...deployment.metadata.annotations, [revisionAnnotation]: revision };
}
