/**
 * What the API shows of the cluster's own services: kube-system/kube-dns, whose endpoint is this process, and where
 * pods find the API server. Both without a selector: no pods stand behind them.
 */
import { isDeepStrictEqual } from "node:util";
import { type Client, endpointSlices, endpoints, type ResourceRef, services } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { isAlreadyExists, isLostRace, isNotFound } from "../controllers/controller.ts";
import { serviceNameLabel } from "./service-ports.ts";

export interface Place {
  ip: string;
  port: number;
}

const dns = { namespace: "kube-system", name: "kube-dns" };
const sliceName = "kube-dns-podwright";

/** Makes the DNS Service with that address, and tells where it is served. One with a selector is somebody's own. */
export async function publishDns(client: Client, clusterIp: string, place: Place): Promise<void> {
  const labels = {
    "k8s-app": "kube-dns",
    "kubernetes.io/cluster-service": "true",
    "kubernetes.io/name": "CoreDNS",
  };
  const service = await ensure(client, services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...dns, labels },
    spec: {
      clusterIP: clusterIp,
      clusterIPs: [clusterIp],
      ports: [
        { name: "dns", port: 53, protocol: "UDP" },
        { name: "dns-tcp", port: 53, protocol: "TCP" },
      ],
    },
  });
  if (Object.keys(service["spec"]?.selector ?? {}).length > 0) return;
  await put(client, endpointSlices, slice(sliceName, dns, place, ["dns", "dns-tcp"]), ["endpoints", "ports"]);
}

/** Nobody serves DNS any more. */
export async function unpublishDns(client: Client): Promise<void> {
  await client
    .resource(endpointSlices)
    .delete(sliceName, dns.namespace)
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
}

/** Tells pods where the API server is. */
export async function publishApiServer(client: Client, { ip, port }: Place): Promise<void> {
  const metadata = { namespace: "default", name: "kubernetes" };
  const subsets = [{ addresses: [{ ip }], ports: [{ name: "https", port, protocol: "TCP" }] }];
  const labels = { "endpointslice.kubernetes.io/skip-mirror": "true" };
  await put(client, endpoints, { apiVersion: "v1", kind: "Endpoints", metadata: { ...metadata, labels }, subsets }, [
    "subsets",
  ]);
  await put(client, endpointSlices, slice("kubernetes", metadata, { ip, port }, ["https"]), ["endpoints", "ports"]);
}

function slice(name: string, service: { namespace: string; name: string }, { ip, port }: Place, ports: string[]) {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: service.namespace, labels: { [serviceNameLabel]: service.name } },
    addressType: "IPv4",
    endpoints: [{ addresses: [ip], conditions: { ready: true } }],
    ports: ports.map((each) => ({ name: each, port, protocol: each === "dns" ? "UDP" : "TCP" })),
  } as unknown as KubeObject;
}

async function ensure(client: Client, ref: ResourceRef, object: KubeObject): Promise<KubeObject> {
  const resource = client.resource(ref);
  const { name = "", namespace } = object.metadata;
  try {
    return await resource.get(name, namespace);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return resource.create(object).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
    return resource.get(name, namespace);
  });
}

/** Makes it, or brings those fields up to date. */
async function put(client: Client, ref: ResourceRef, object: KubeObject, fields: readonly string[]): Promise<void> {
  for (;;) {
    const current = await ensure(client, ref, object);
    if (fields.every((field) => isDeepStrictEqual(current[field], object[field]))) return;
    const changed = { ...current, ...Object.fromEntries(fields.map((field) => [field, object[field]])) };
    try {
      await client.resource(ref).update(changed);
      return;
    } catch (error) {
      if (!isLostRace(error)) throw error;
    }
  }
}
