/** Which pods stand behind a Service, and on which ports (k8s.io/endpointslice, k8s.io/kubernetes/pkg/controller/endpoint). */
import { type Informer, objectKey } from "@podwright/client";
import type { Pod, Service, ServicePort } from "../../kinds.ts";
import { isPodTerminal } from "../../pods.ts";

/** A port of a Service as a pod has it. */
export interface ResolvedPort {
  name: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

/** Services without a selector, and aliases, get their endpoints from elsewhere. */
export function hasPods(service: Service): boolean {
  return Object.keys(service.spec.selector ?? {}).length > 0 && service.spec.type !== "ExternalName";
}

/** By it proxies know what they need not look at. */
export function headlessLabels({ spec }: Service): Record<string, string> {
  return spec.clusterIP === "None" ? { "service.kubernetes.io/headless": "" } : {};
}

export function selects(service: Service, labels: Record<string, string> | undefined): boolean {
  return (
    hasPods(service) && Object.entries(service.spec.selector ?? {}).every(([name, value]) => labels?.[name] === value)
  );
}

/** The pods of the Service that have an address and are not over, by name. */
export function podsOf(service: Service, pods: Informer<Pod>): Pod[] {
  return pods
    .by("namespace", service.metadata.namespace ?? "")
    .filter((pod) => selects(service, pod.metadata.labels) && pod.status?.podIP && !isPodTerminal(pod))
    .sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1));
}

/** The Service's ports on that pod; those whose name the pod does not know are left out. */
export function portsOn(pod: Pod, service: Service): ResolvedPort[] {
  const ports: ResolvedPort[] = [];
  for (const servicePort of service.spec.ports ?? []) {
    const port = resolve(pod, servicePort);
    if (port === undefined) continue;
    ports.push({
      name: servicePort.name ?? "",
      port,
      protocol: servicePort.protocol ?? "TCP",
      ...(servicePort.appProtocol ? { appProtocol: servicePort.appProtocol } : {}),
    });
  }
  return ports;
}

function resolve(pod: Pod, { port, targetPort = port, protocol = "TCP" }: ServicePort): number | undefined {
  if (typeof targetPort === "number") return targetPort === 0 ? port : targetPort;
  const containers = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === "Always"),
  ];
  return containers
    .flatMap((container) => container.ports ?? [])
    .find((candidate) => candidate.name === targetPort && (candidate.protocol ?? "TCP") === protocol)?.containerPort;
}

/** Tells of the Services whose endpoints may have changed. */
export function followServices(services: Informer<Service>, pods: Informer<Pod>, enqueue: (key: string) => void): void {
  const enqueueService = (service: Service): void => enqueue(objectKey(service));
  services.onChange({ added: enqueueService, updated: enqueueService, deleted: enqueueService });
  const enqueueServicesOf = (pod: Pod): void => {
    for (const service of services.by("namespace", pod.metadata.namespace ?? "")) {
      if (selects(service, pod.metadata.labels)) enqueueService(service);
    }
  };
  pods.onChange({
    added: enqueueServicesOf,
    updated: (pod, old) => {
      if (endpointFacts(pod) === endpointFacts(old)) return;
      enqueueServicesOf(pod);
      enqueueServicesOf(old);
    },
    deleted: enqueueServicesOf,
  });
}

function endpointFacts({ metadata, spec, status }: Pod): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status;
  const over = status?.phase === "Succeeded" || status?.phase === "Failed";
  return JSON.stringify([metadata.labels, metadata.deletionTimestamp, spec.nodeName, status?.podIP, ready, over]);
}
