/** Where a proxied request goes: a pod, by itself or as one of a Service's endpoints. */
import { isIP } from "node:net";
import { type KubeObject, status } from "@podwright/kube";
import type { ServerParts } from "../../context.ts";

export interface ProxyLocation {
  scheme: "http" | "https";
  /** "10.0.0.7:8080", or the address alone where no port is known. */
  host: string;
  address: string;
  port: number;
  namespace: string;
  pod: string;
  /** "" for a pod that has none. */
  node: string;
}

interface Target {
  scheme: "http" | "https";
  name: string;
  port: string;
}

/** Reads "name", "name:port" and "scheme:name:port". Throws 400 (k8s.io/apimachinery/pkg/util/net, SplitSchemeNamePort). */
function targetOf(id: string, what: "pod" | "service" | "node"): Target {
  const parts = id.split(":");
  const [scheme, name, port] =
    parts.length === 1 ? ["", parts[0], ""] : parts.length === 2 ? ["", parts[0], parts[1]] : parts;
  if (parts.length > 3 || !name || !["", "http", "https"].includes(scheme ?? "")) {
    throw status.badRequest(`invalid ${what} request ${JSON.stringify(id)}`);
  }
  return { scheme: scheme === "https" ? "https" : "http", name, port: port ?? "" };
}

/** Throws as k8s.io/kubernetes/pkg/registry/core/pod/strategy.go, ResourceLocation. */
export function podLocation({ storage }: ServerParts, namespace: string, id: string): ProxyLocation {
  const { scheme, name, port } = targetOf(id, "pod");
  const stored = storage.get(`//pods/${namespace}/${name}`);
  if (stored === undefined) throw status.notFound({ group: "", resource: "pods" }, name);
  const pod = JSON.parse(stored.value.toString()) as KubeObject;
  const containers = pod["spec"].containers as { ports?: { containerPort: number }[] }[];
  const wanted = port || String(containers.find(({ ports }) => ports?.length)?.ports?.[0]?.containerPort ?? "");
  const address: string = pod["status"]?.podIPs?.[0]?.ip ?? pod["status"]?.podIP ?? "";
  if (!isProxyable(address)) throw status.badRequest("address not allowed");
  return located(scheme, address, wanted, pod);
}

/** Throws as k8s.io/kubernetes/pkg/registry/core/service/storage/storage.go, ResourceLocation. */
export function serviceLocation(
  { storage }: ServerParts,
  namespace: string,
  id: string,
  random: () => number = Math.random,
): ProxyLocation {
  const { scheme, name, port } = targetOf(id, "service");
  const portName = /^[+-]?\d+$/.test(port) ? declaredName(storage, namespace, name, Number(port)) : port;
  const stored = storage.get(`//endpoints/${namespace}/${name}`);
  // Upstream's words, though it is the Endpoints that are missing.
  if (stored === undefined) throw status.notFound({ group: "", resource: "services" }, name);
  const { subsets = [] } = JSON.parse(stored.value.toString()) as { subsets?: Subset[] };
  if (subsets.length === 0) throw status.serviceUnavailable(`no endpoints available for service "${name}"`);
  for (const { addresses = [], ports = [] } of rotated(subsets, random)) {
    for (const { port: number } of ports.filter((each) => (each.name ?? "") === portName)) {
      for (const { ip, targetRef } of rotated(addresses, random)) {
        const pod = podAt(storage, namespace, ip, targetRef);
        if (pod !== undefined) return located(scheme, ip, String(number), pod);
      }
    }
  }
  throw status.serviceUnavailable(`no endpoints available for service "${id}"`);
}

/** The node's name; the kubelet is the only thing there that is proxied to. */
export function nodeOf(id: string): string {
  return targetOf(id, "node").name;
}

interface Subset {
  addresses?: { ip: string; targetRef?: { kind?: string; name?: string; namespace?: string } }[];
  ports?: { name?: string; port: number }[];
}

type Storage = ServerParts["storage"];

function declaredName(storage: Storage, namespace: string, name: string, port: number): string {
  const stored = storage.get(`//services/${namespace}/${name}`);
  if (stored === undefined) throw status.notFound({ group: "", resource: "services" }, name);
  const { spec } = JSON.parse(stored.value.toString()) as { spec: { ports?: { name?: string; port: number }[] } };
  const declared = (spec.ports ?? []).find((each) => each.port === port);
  if (declared === undefined) throw status.serviceUnavailable(`no service port ${port} found for service "${name}"`);
  return declared.name ?? "";
}

/** Only addresses that are pods' of the namespace are proxied to. */
function podAt(
  storage: Storage,
  namespace: string,
  ip: string,
  targetRef: { name?: string; namespace?: string } | undefined,
): KubeObject | undefined {
  if (targetRef?.namespace !== namespace) return undefined;
  const stored = storage.get(`//pods/${namespace}/${targetRef.name}`);
  if (stored === undefined) return undefined;
  const pod = JSON.parse(stored.value.toString()) as KubeObject;
  const ips: { ip: string }[] = pod["status"]?.podIPs ?? [];
  return ips.some((each) => each.ip === ip) ? pod : undefined;
}

function rotated<T>(items: readonly T[], random: () => number): T[] {
  const first = Math.floor(random() * items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}

function located(scheme: "http" | "https", address: string, port: string, pod: KubeObject): ProxyLocation {
  const bracketed = address.includes(":") ? `[${address}]` : address;
  return {
    scheme,
    host: port === "" ? bracketed : `${bracketed}:${port}`,
    address,
    port: port === "" ? (scheme === "https" ? 443 : 80) : Number(port),
    namespace: pod.metadata.namespace ?? "",
    pod: pod.metadata.name ?? "",
    node: pod["spec"].nodeName ?? "",
  };
}

/** Go's IsGlobalUnicast: no loopback, multicast, link-local or unset addresses. */
function isProxyable(address: string): boolean {
  if (isIP(address) === 4) return !/^(127\.|0\.0\.0\.0$|255\.255\.255\.255$|169\.254\.|22[4-9]\.|23\d\.)/.test(address);
  return isIP(address) === 6 && !/^(::1?$|ff|fe[89ab])/i.test(address);
}
