/** EndpointSlices of Services (k8s.io/endpointslice/reconciler.go). */
import { isDeepStrictEqual } from "node:util";
import { endpointSlices, splitKey, WorkQueue } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Pod, Service } from "../../kinds.ts";
import { controllerReference } from "../../owner-references.ts";
import { isPodReady } from "../../pods.ts";
import {
  type Controller,
  type ControllerContext,
  isNamespaceTerminating,
  isNotFound,
  reportTo,
} from "../controller.ts";
import { podInformer, serviceInformer } from "../informers.ts";
import { RecentWrites } from "../recent-writes.ts";
import { followServices, hasPods, podsOf, portsOn, type ResolvedPort } from "./service-pods.ts";

const serviceNameLabel = "kubernetes.io/service-name";
const managedByLabel = "endpointslice.kubernetes.io/managed-by";
const manager = "endpointslice-controller.k8s.io";
const maxEndpoints = 100;

interface SliceContent {
  endpoints: object[];
  ports: ResolvedPort[];
}

export function createEndpointSliceController(context: ControllerContext): Controller {
  const resource = context.client.resource(endpointSlices);
  const serviceCache = serviceInformer(context.informers);
  const podCache = podInformer(context.informers);
  const cache = context.informers.for(endpointSlices, { indexes: { service: byService } });
  const writes = new RecentWrites(cache, context.clock);
  const queue = new WorkQueue({
    reconcile,
    concurrency: 5,
    clock: context.clock,
    onError: reportTo(context.logger, "endpointslice"),
  });

  followServices(serviceCache, podCache, (key) => queue.add(key));
  const enqueueServiceOf = (slice: KubeObject): void => {
    for (const key of byService(slice)) queue.add(key);
  };
  cache.onChange({ updated: enqueueServiceOf, deleted: enqueueServiceOf });

  async function reconcile(key: string): Promise<void> {
    await cache.synced();
    const { namespace, name } = splitKey(key);
    const service = serviceCache.get(name, namespace);
    if (service === undefined || service.metadata.deletionTimestamp !== undefined || !hasPods(service)) return;
    const present = writes
      .merge(cache.by("service", key), (slice) => byService(slice).includes(key))
      .filter((slice) => slice.metadata.deletionTimestamp === undefined)
      .sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1));
    for (const content of wantedContents(service, podsOf(service, podCache))) {
      const at = present.findIndex((slice) => isDeepStrictEqual(slice["ports"] ?? [], content.ports));
      const [reused] = at < 0 ? present.splice(0, 1) : present.splice(at, 1);
      await write(service, reused, content);
    }
    for (const slice of present) {
      await resource.delete(slice.metadata.name ?? "", namespace).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      writes.deleted(slice);
    }
  }

  async function write(service: Service, slice: KubeObject | undefined, content: SliceContent): Promise<void> {
    const { name = "", namespace = "", labels } = service.metadata;
    const ours = { ...labels, [serviceNameLabel]: name, [managedByLabel]: manager };
    if (slice !== undefined) {
      const same =
        isDeepStrictEqual(slice["endpoints"] ?? [], content.endpoints) &&
        isDeepStrictEqual(slice["ports"] ?? [], content.ports) &&
        isDeepStrictEqual(slice.metadata.labels, ours);
      if (same) return;
      const changed = { ...slice, metadata: { ...slice.metadata, labels: ours }, ...content };
      remember(await resource.update(changed));
      return;
    }
    const created = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        generateName: `${name}-`,
        namespace,
        labels: ours,
        ownerReferences: [controllerReference(service)],
      },
      addressType: service.spec.ipFamilies?.[0] ?? "IPv4",
      ...content,
    };
    try {
      remember(await resource.create(created));
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
    }
  }

  function remember(slice: KubeObject): void {
    writes.wrote(slice, cache.get(slice.metadata.name ?? "", slice.metadata.namespace));
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}

/** One slice per set of ports and hundred pods; an empty one when there are no pods. */
function wantedContents(service: Service, pods: readonly Pod[]): SliceContent[] {
  const groups = new Map<string, SliceContent>();
  for (const pod of pods) {
    const ports = portsOn(pod, service);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { endpoints: [], ports };
    groups.set(key, group);
    group.endpoints.push(endpointOf(pod, service));
  }
  if (groups.size === 0) return [{ endpoints: [], ports: [] }];
  return [...groups.values()].flatMap(({ endpoints, ports }) => {
    const slices: SliceContent[] = [];
    for (let at = 0; at < endpoints.length; at += maxEndpoints) {
      slices.push({ endpoints: endpoints.slice(at, at + maxEndpoints), ports });
    }
    return slices;
  });
}

function endpointOf(pod: Pod, service: Service): object {
  const { name, namespace, uid } = pod.metadata;
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const hostname = pod.spec.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;
  return {
    addresses: [pod.status?.podIP],
    conditions: { ready, serving, terminating },
    ...(hostname ? { hostname } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
  };
}

function byService({ metadata }: KubeObject): string[] {
  const name = metadata.labels?.[serviceNameLabel];
  return name && metadata.labels?.[managedByLabel] === manager ? [`${metadata.namespace}/${name}`] : [];
}
