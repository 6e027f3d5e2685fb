/** EndpointSlices of Services (k8s.io/endpointslice/reconciler.go). */
import { splitKey, WorkQueue } from "@podwright/client";
import type { Pod, Service } from "../../kinds.ts";
import { isPodReady } from "../../pods.ts";
import { type Controller, type ControllerContext, reportTo } from "../controller.ts";
import { podInformer, serviceInformer } from "../informers.ts";
import { followServices, hasPods, headlessLabels, podsOf, portsOn } from "./service-pods.ts";
import { type SliceContent, SliceWriter } from "./slice-writer.ts";

const maxEndpoints = 100;

export function createEndpointSliceController(context: ControllerContext): Controller {
  const serviceCache = serviceInformer(context.informers);
  const podCache = podInformer(context.informers);
  const queue = new WorkQueue({
    reconcile,
    concurrency: 5,
    clock: context.clock,
    onError: reportTo(context.logger, "endpointslice"),
  });
  const slices = new SliceWriter(context, "endpointslice-controller.k8s.io", (key) => queue.add(key));

  followServices(serviceCache, podCache, (key) => queue.add(key));

  async function reconcile(key: string): Promise<void> {
    await slices.synced();
    const { namespace, name } = splitKey(key);
    const service = serviceCache.get(name, namespace);
    if (service === undefined || service.metadata.deletionTimestamp !== undefined || !hasPods(service)) return;
    const labels = { ...service.metadata.labels, ...headlessLabels(service) };
    await slices.write(key, { owner: service, labels }, wantedContents(service, podsOf(service, podCache)));
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}

/** One slice per set of ports and hundred pods; an empty one when there are no pods. */
function wantedContents(service: Service, pods: readonly Pod[]): SliceContent[] {
  const addressType = service.spec.ipFamilies?.[0] ?? "IPv4";
  const groups = new Map<string, SliceContent>();
  for (const pod of pods) {
    const ports = portsOn(pod, service);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { addressType, endpoints: [], ports };
    groups.set(key, group);
    group.endpoints.push(endpointOf(pod, service));
  }
  if (groups.size === 0) return [{ addressType, endpoints: [], ports: [] }];
  return [...groups.values()].flatMap(({ endpoints, ports }) => {
    const slices: SliceContent[] = [];
    for (let at = 0; at < endpoints.length; at += maxEndpoints) {
      slices.push({ addressType, endpoints: endpoints.slice(at, at + maxEndpoints), ports });
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
