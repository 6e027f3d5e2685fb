/**
 * The informers that controllers, scheduler and nodes share. An informer is one per kind and options, so all
 * ask for theirs here, with the same indexes.
 */
import type { Informer, InformerFactory } from "@podwright/client";
import { deployments, namespaces, nodes, pods, replicaSets, services } from "@podwright/client";
import type { Deployment, Namespace, Node, Pod, ReplicaSet, Service } from "../kinds.ts";
import { controllerOf } from "../owner-references.ts";

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
    controller: (object: ReplicaSet) => [controllerOf(object)?.uid ?? `orphan/${object.metadata.namespace}`],
    namespace: (object: ReplicaSet) => [object.metadata.namespace ?? ""],
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

export function serviceInformer(informers: InformerFactory): Informer<Service> {
  return informers.for<Service>(services, namespacedOptions);
}

export function nodeInformer(informers: InformerFactory): Informer<Node> {
  return informers.for<Node>(nodes);
}

export function namespaceInformer(informers: InformerFactory): Informer<Namespace> {
  return informers.for<Namespace>(namespaces);
}
