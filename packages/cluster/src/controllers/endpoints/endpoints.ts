/** Endpoints of Services: the older form, which webhooks and old clients read (k8s.io/kubernetes/pkg/controller/endpoint). */
import { isDeepStrictEqual } from "node:util";
import { endpoints, objectKey, splitKey, WorkQueue } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Pod, Service } from "../../kinds.ts";
import { isPodReady } from "../../pods.ts";
import {
  type Controller,
  type ControllerContext,
  isAlreadyExists,
  isNamespaceTerminating,
  isNotFound,
  reportTo,
} from "../controller.ts";
import { podInformer, serviceInformer } from "../informers.ts";
import { RecentWrites } from "../recent-writes.ts";
import { followServices, hasPods, headlessLabels, podsOf, portsOn, type ResolvedPort } from "./service-pods.ts";

interface Subset {
  addresses?: object[];
  notReadyAddresses?: object[];
  ports?: ResolvedPort[];
}

const managedBy = { "endpoints.kubernetes.io/managed-by": "endpoint-controller" };

export function createEndpointsController(context: ControllerContext): Controller {
  const resource = context.client.resource(endpoints);
  const serviceCache = serviceInformer(context.informers);
  const podCache = podInformer(context.informers);
  const cache = context.informers.for(endpoints);
  const writes = new RecentWrites(cache, context.clock);
  const queue = new WorkQueue({
    reconcile,
    concurrency: 5,
    clock: context.clock,
    onError: reportTo(context.logger, "endpoints"),
  });

  followServices(serviceCache, podCache, (key) => queue.add(key));
  cache.onChange({ deleted: (object) => queue.add(objectKey(object)) });

  async function reconcile(key: string): Promise<void> {
    await cache.synced();
    const { namespace, name } = splitKey(key);
    const service = serviceCache.get(name, namespace);
    const cached = cache.get(name, namespace);
    if (service === undefined) {
      // What is behind a Service of hand-made Endpoints goes with it as well, as upstream has it.
      if (cached !== undefined) await remove(cached);
      return;
    }
    if (service.metadata.deletionTimestamp !== undefined || !hasPods(service)) return;
    const present = cached && writes.newest(cached);
    const subsets = subsetsOf(service, podsOf(service, podCache));
    const labels = { ...service.metadata.labels, ...managedBy, ...headlessLabels(service) };
    if (present === undefined) return create(service, labels, subsets);
    if (isDeepStrictEqual(present["subsets"] ?? [], subsets) && isDeepStrictEqual(present.metadata.labels, labels)) {
      return;
    }
    remember(await resource.update({ ...present, metadata: { ...present.metadata, labels }, subsets }));
  }

  async function create(service: Service, labels: Record<string, string>, subsets: Subset[]): Promise<void> {
    const { name = "", namespace = "" } = service.metadata;
    try {
      remember(
        await resource.create({
          apiVersion: "v1",
          kind: "Endpoints",
          metadata: { name, namespace, labels },
          subsets,
        }),
      );
    } catch (error) {
      if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
    }
  }

  async function remove({ metadata }: KubeObject): Promise<void> {
    await resource.delete(metadata.name ?? "", metadata.namespace).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }

  function remember(object: KubeObject): void {
    writes.wrote(object);
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}

/** Pods with the same ports stand together, those that are ready apart from those that are not. */
function subsetsOf(service: Service, pods: readonly Pod[]): Subset[] {
  const subsets = new Map<string, Subset>();
  const publishAll = service.spec.publishNotReadyAddresses === true;
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined && !publishAll) continue;
    const ports = portsOn(pod, service);
    const key = JSON.stringify(ports);
    const subset = subsets.get(key) ?? (ports.length > 0 ? { ports } : {});
    subsets.set(key, subset);
    const kind = publishAll || isPodReady(pod) ? "addresses" : "notReadyAddresses";
    subset[kind] = [...(subset[kind] ?? []), addressOf(pod, service)];
  }
  return [...subsets.values()].map((subset) => ({
    ...subset,
    ...(subset.ports ? { ports: subset.ports.map(withoutEmptyName) as ResolvedPort[] } : {}),
  }));
}

function withoutEmptyName({ name, ...port }: ResolvedPort): object {
  return name === "" ? port : { name, ...port };
}

function addressOf(pod: Pod, service: Service): object {
  const { name, namespace, uid } = pod.metadata;
  const hostname = pod.spec.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;
  return {
    ip: pod.status?.podIP,
    ...(hostname ? { hostname } : {}),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
}
