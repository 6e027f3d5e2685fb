/**
 * EndpointSlices of Endpoints that somebody made by hand for a Service without a selector: proxies and DNS look at
 * slices alone (k8s.io/kubernetes/pkg/controller/endpointslicemirroring).
 */
import { isIP } from "node:net";
import { endpoints, objectKey, splitKey, WorkQueue } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { type Controller, type ControllerContext, reportTo } from "../controller.ts";
import { serviceInformer } from "../informers.ts";
import type { ResolvedPort } from "./service-pods.ts";
import { type SliceContent, SliceWriter } from "./slice-writer.ts";

interface Endpoints extends KubeObject {
  subsets?: {
    addresses?: EndpointAddress[];
    notReadyAddresses?: EndpointAddress[];
    ports?: { name?: string; port: number; protocol?: string; appProtocol?: string }[];
  }[];
}

interface EndpointAddress {
  ip: string;
  hostname?: string;
  nodeName?: string;
  targetRef?: object;
}

const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
const droppedAnnotations = [
  "endpoints.kubernetes.io/last-change-trigger-time",
  "kubectl.kubernetes.io/last-applied-configuration",
];
/** Of one subset; upstream leaves the rest out as well. */
const maxAddresses = 1000;

export function createEndpointSliceMirroring(context: ControllerContext): Controller {
  const serviceCache = serviceInformer(context.informers);
  const cache = context.informers.for<Endpoints>(endpoints);
  const queue = new WorkQueue({
    reconcile,
    concurrency: 5,
    clock: context.clock,
    onError: reportTo(context.logger, "endpointslicemirroring"),
  });
  const enqueue = (object: KubeObject): void => queue.add(objectKey(object));
  const slices = new SliceWriter(context, "endpointslicemirroring-controller.k8s.io", (key) => queue.add(key));
  cache.onChange({ added: enqueue, updated: enqueue, deleted: enqueue });
  // A Service that comes, or gets a selector.
  serviceCache.onChange({ added: enqueue, updated: enqueue, deleted: enqueue });

  async function reconcile(key: string): Promise<void> {
    await Promise.all([slices.synced(), cache.synced()]);
    const { namespace, name } = splitKey(key);
    const owner = cache.get(name, namespace);
    const service = serviceCache.get(name, namespace);
    const { labels = {}, annotations = {} } = owner?.metadata ?? {};
    const isSkipped = labels[skipLabel] === "true" || annotations[leaderAnnotation] !== undefined;
    if (owner === undefined || service === undefined || isSkipped || service.spec.selector !== undefined) {
      await slices.clear(key);
      return;
    }
    const kept = Object.entries(annotations).filter(([annotation]) => !droppedAnnotations.includes(annotation));
    await slices.write(key, { owner, labels, annotations: Object.fromEntries(kept) }, contentsOf(owner));
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}

/** One slice for each set of ports and family of addresses. */
function contentsOf({ subsets = [] }: Endpoints): SliceContent[] {
  const contents = new Map<string, SliceContent>();
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const resolved = ports.map(
      ({ name = "", port, protocol = "TCP", appProtocol }): ResolvedPort => ({
        name,
        port,
        protocol,
        ...(appProtocol ? { appProtocol } : {}),
      }),
    );
    const all = [
      ...addresses.map((address) => endpointOf(address, true)),
      ...notReadyAddresses.map((address) => endpointOf(address, false)),
    ];
    for (const endpoint of all.slice(0, maxAddresses)) {
      const addressType = isIP(endpoint.addresses[0] ?? "") === 6 ? "IPv6" : "IPv4";
      const key = JSON.stringify([addressType, resolved]);
      const content = contents.get(key) ?? { addressType, endpoints: [], ports: resolved };
      contents.set(key, content);
      content.endpoints.push(endpoint);
    }
  }
  return [...contents.values()];
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean) {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(targetRef ? { targetRef } : {}),
    ...(nodeName ? { nodeName } : {}),
  };
}
