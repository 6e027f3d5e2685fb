/**
 * The informers that controllers, scheduler and nodes share. An informer is one per kind and options, so all
 * ask for theirs here, with the same indexes.
 */
import type { Informer, InformerFactory } from "@podwright/client";
import {
  controllerRevisions,
  cronJobs,
  daemonSets,
  deployments,
  jobs,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  replicaSets,
  services,
  statefulSets,
  storageClasses,
} from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Deployment, Namespace, Node, Pod, ReplicaSet, Service } from "../kinds.ts";
import { controllerOf } from "../owner-references.ts";
import type { ControllerRevision } from "./controller-revisions.ts";
import type { CronJob } from "./cronjob/cron-job.ts";
import type { DaemonSet } from "./daemonset/daemon-set.ts";
import type { PodDisruptionBudget } from "./disruption/budget.ts";
import type { Job } from "./job/job.ts";
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "./persistent-volumes/kinds.ts";
import type { StatefulSet } from "./statefulset/stateful-set.ts";

const podOptions = {
  indexes: {
    /** By the controller's uid; orphans under "orphan/NAMESPACE". */
    controller: (pod: Pod) => [controllerOf(pod)?.uid ?? `orphan/${pod.metadata.namespace}`],
    namespace: (pod: Pod) => [pod.metadata.namespace ?? ""],
    node: (pod: Pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []),
  },
};

const ownedOptions = {
  indexes: {
    controller: (object: KubeObject) => [controllerOf(object)?.uid ?? `orphan/${object.metadata.namespace}`],
    namespace: (object: KubeObject) => [object.metadata.namespace ?? ""],
  },
};

const namespacedOptions = {
  indexes: { namespace: (object: { metadata: { namespace?: string } }) => [object.metadata.namespace ?? ""] },
};

export function podInformer(informers: InformerFactory): Informer<Pod> {
  return informers.for<Pod>(pods, podOptions);
}

export function replicaSetInformer(informers: InformerFactory): Informer<ReplicaSet> {
  return informers.for<ReplicaSet>(replicaSets, ownedOptions);
}

export function deploymentInformer(informers: InformerFactory): Informer<Deployment> {
  return informers.for<Deployment>(deployments, namespacedOptions);
}

export function statefulSetInformer(informers: InformerFactory): Informer<StatefulSet> {
  return informers.for<StatefulSet>(statefulSets, namespacedOptions);
}

export function daemonSetInformer(informers: InformerFactory): Informer<DaemonSet> {
  return informers.for<DaemonSet>(daemonSets, namespacedOptions);
}

export function controllerRevisionInformer(informers: InformerFactory): Informer<ControllerRevision> {
  return informers.for<ControllerRevision>(controllerRevisions, ownedOptions);
}

export function budgetInformer(informers: InformerFactory): Informer<PodDisruptionBudget> {
  return informers.for<PodDisruptionBudget>(podDisruptionBudgets, namespacedOptions);
}

export function claimInformer(informers: InformerFactory): Informer<PersistentVolumeClaim> {
  return informers.for<PersistentVolumeClaim>(persistentVolumeClaims);
}

export function volumeInformer(informers: InformerFactory): Informer<PersistentVolume> {
  return informers.for<PersistentVolume>(persistentVolumes);
}

export function storageClassInformer(informers: InformerFactory): Informer<StorageClass> {
  return informers.for<StorageClass>(storageClasses);
}

export function serviceInformer(informers: InformerFactory): Informer<Service> {
  return informers.for<Service>(services, namespacedOptions);
}

export function nodeInformer(informers: InformerFactory): Informer<Node> {
  return informers.for<Node>(nodes);
}

export function namespaceInformer(informers: InformerFactory): Informer<Namespace> {
  return informers.for<Namespace>(namespaces);
}

export function jobInformer(informers: InformerFactory): Informer<Job> {
  return informers.for<Job>(jobs, ownedOptions);
}

export function cronJobInformer(informers: InformerFactory): Informer<CronJob> {
  return informers.for<CronJob>(cronJobs);
}
