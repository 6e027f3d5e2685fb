/**
 * Ports of Services with those who serve them, as the proxy wants to know them
 * (k8s.io/kubernetes/pkg/proxy/{serviceport,endpointslicecache,topology}.go).
 */
import { isIPv4 } from "node:net";
import type { KubeObject } from "@podwright/kube";
import type { Service } from "../kinds.ts";

export type Protocol = "TCP" | "UDP" | "SCTP";

export interface Endpoint {
  ip: string;
  port: number;
}

export interface ServicePortEntry {
  /** "default/web:http". */
  name: string;
  protocol: Protocol;
  clusterIp: string;
  port: number;
  /** 0: none. */
  nodePort: number;
  /** externalIPs and addresses of a load balancer. */
  externalIps: readonly string[];
  /** For so long a client stays with its endpoint; undefined: no affinity. */
  affinitySeconds: number | undefined;
  /** From within the cluster, or from outside, only endpoints on a node of this machine. */
  internalLocal: boolean;
  externalLocal: boolean;
  endpoints: readonly Endpoint[];
  localEndpoints: readonly Endpoint[];
}

interface FullService extends Service {
  spec: Service["spec"] & {
    sessionAffinity?: string;
    sessionAffinityConfig?: { clientIP?: { timeoutSeconds?: number } };
    externalIPs?: string[];
    externalTrafficPolicy?: string;
    internalTrafficPolicy?: string;
  };
  status?: { loadBalancer?: { ingress?: { ip?: string; ipMode?: string }[] } };
}

export interface EndpointSlice extends KubeObject {
  addressType?: string;
  endpoints?: SliceEndpoint[];
  ports?: { name?: string; port?: number; protocol?: string }[];
}

export interface SliceEndpoint {
  addresses: string[];
  conditions?: { ready?: boolean | null; serving?: boolean | null; terminating?: boolean | null };
  hostname?: string;
  nodeName?: string;
  targetRef?: { kind?: string; namespace?: string; name?: string };
}

export const serviceNameLabel = "kubernetes.io/service-name";
const proxyNameLabel = "service.kubernetes.io/service-proxy-name";
const headlessLabel = "service.kubernetes.io/headless";
const defaultAffinitySeconds = 10_800;

/** The index of EndpointSlices: "namespace/service". */
export function byServiceName({ metadata }: KubeObject): string[] {
  const name = metadata.labels?.[serviceNameLabel];
  return name === undefined ? [] : [`${metadata.namespace}/${name}`];
}

/** The ports of a Service that is to be proxied; none for headless ones, aliases and those of another proxy. */
export function servicePorts(service: Service, slices: readonly EndpointSlice[]): ServicePortEntry[] {
  const { metadata, spec, status } = service as FullService;
  const clusterIp = spec.clusterIP ?? "";
  if (!isIPv4(clusterIp) || spec.type === "ExternalName") return [];
  if (metadata.labels?.[proxyNameLabel] !== undefined || metadata.labels?.[headlessLabel] !== undefined) return [];
  const ingress = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) =>
    ip !== undefined && ipMode !== "Proxy" ? [ip] : [],
  );
  const external = new Set([...(spec.externalIPs ?? []), ...ingress].filter((ip) => isIPv4(ip)));
  return (spec.ports ?? []).map((port) => {
    const protocol = (port.protocol ?? "TCP") as Protocol;
    return {
      name: `${metadata.namespace}/${metadata.name}${port.name ? `:${port.name}` : ""}`,
      protocol,
      clusterIp,
      port: port.port,
      nodePort: port.nodePort ?? 0,
      externalIps: [...external],
      affinitySeconds:
        spec.sessionAffinity === "ClientIP"
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
          : undefined,
      internalLocal: spec.internalTrafficPolicy === "Local",
      externalLocal: spec.externalTrafficPolicy === "Local",
      endpoints: chosenEndpoints(slices, port.name ?? "", protocol, () => true),
      // Every node of this cluster is on this machine, so an endpoint that is on a node is near.
      localEndpoints: chosenEndpoints(slices, port.name ?? "", protocol, ({ nodeName }) => nodeName !== undefined),
    };
  });
}

/** Those that are ready; where none is, those that end but still serve. Each once, in order. */
function chosenEndpoints(
  slices: readonly EndpointSlice[],
  portName: string,
  protocol: Protocol,
  filter: (endpoint: SliceEndpoint) => boolean,
): Endpoint[] {
  const ready = new Map<string, Endpoint>();
  const ending = new Map<string, Endpoint>();
  for (const slice of slices) {
    if (slice.addressType !== "IPv4") continue;
    const port = slice.ports?.find(
      (candidate) => (candidate.name ?? "") === portName && (candidate.protocol ?? "TCP") === protocol,
    )?.port;
    if (port === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses[0];
      if (ip === undefined || !filter(endpoint)) continue;
      const { ready: isReady, serving, terminating } = endpoint.conditions ?? {};
      if (isReady !== false) ready.set(`${ip}:${port}`, { ip, port });
      else if ((serving ?? isReady) && terminating === true) ending.set(`${ip}:${port}`, { ip, port });
    }
  }
  const chosen = ready.size > 0 ? ready : ending;
  return [...chosen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}
