/** What every cluster has before anybody does anything (k8s.io/kubernetes/pkg/controlplane). */
import { networkInterfaces } from "node:os";
import { isDeepStrictEqual } from "node:util";
import {
  type Client,
  configMaps,
  endpointSlices,
  endpoints,
  namespaces,
  priorityClasses,
  type ResourceRef,
  serviceAccounts,
  services,
  storageClasses,
} from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { isAlreadyExists, isNotFound } from "./controllers/controller.ts";
import { localProvisioner } from "./controllers/persistent-volumes/kinds.ts";

const systemNamespaces = ["default", "kube-node-lease", "kube-public", "kube-system"];

/** The first address of the range of Services. */
const apiServerClusterIp = "10.96.0.1";

export interface BootstrapOptions {
  /** The API server's; undefined when it does not listen. */
  port: number | undefined;
  /** Of the authority that vouches for users, PEM. */
  clientCa: string;
}

/** Makes what is missing of the first objects; writes nothing when all is there. */
export async function bootstrap(client: Client, { port, clientCa }: BootstrapOptions): Promise<void> {
  await Promise.all([
    ...systemNamespaces.map((name) =>
      ensure(client, namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } }),
    ),
    ...priorityClassObjects().map((object) => ensure(client, priorityClasses, object)),
    ensure(client, storageClasses, defaultStorageClass()),
  ]);
  await Promise.all([
    // The controller would make them, but a moment later: pods may come at once.
    ...systemNamespaces.map((namespace) =>
      ensure(client, serviceAccounts, {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "default", namespace },
      }),
    ),
    ensure(client, services, apiServerService(port ?? 6443)),
    ensureContent(client, configMaps, authenticationConfig(clientCa), ["data"]),
    ...(port === undefined ? [] : publishApiServer(client, port)),
  ]);
}

async function ensure(client: Client, ref: ResourceRef, object: KubeObject): Promise<void> {
  const resource = client.resource(ref);
  try {
    await resource.get(object.metadata.name ?? "", object.metadata.namespace);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await resource.create(object).catch((creating: unknown) => {
      if (!isAlreadyExists(creating)) throw creating;
    });
  }
}

/** As {@link ensure}, and brings the fields that are given up to date. */
async function ensureContent(client: Client, ref: ResourceRef, object: KubeObject, fields: string[]): Promise<void> {
  await ensure(client, ref, object);
  const resource = client.resource(ref);
  const current = await resource.get(object.metadata.name ?? "", object.metadata.namespace);
  if (fields.every((field) => isDeepStrictEqual(current[field], object[field]))) return;
  await resource.update({ ...current, ...Object.fromEntries(fields.map((field) => [field, object[field]])) });
}

/**
 * How other servers of the API can tell who asks them: schedulers, controller managers and aggregated servers read it
 * (k8s.io/kubernetes/pkg/controlplane/controller/clusterauthenticationtrust).
 */
function authenticationConfig(clientCa: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "extension-apiserver-authentication", namespace: "kube-system" },
    data: { "client-ca-file": clientCa },
  };
}

function apiServerService(port: number): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { component: "apiserver", provider: "kubernetes" },
    },
    spec: {
      type: "ClusterIP",
      clusterIP: apiServerClusterIp,
      clusterIPs: [apiServerClusterIp],
      sessionAffinity: "None",
      ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: port }],
    },
  };
}

/** Where the API server is, as seen from other machines and pods; a loopback address may not stand there. */
function publishApiServer(client: Client, port: number): Promise<void>[] {
  const ip = hostAddress();
  if (ip === undefined) return [];
  const metadata = { name: "kubernetes", namespace: "default" };
  return [
    ensureContent(
      client,
      endpoints,
      {
        apiVersion: "v1",
        kind: "Endpoints",
        metadata: { ...metadata, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
        subsets: [{ addresses: [{ ip }], ports: [{ name: "https", port, protocol: "TCP" }] }],
      },
      ["subsets"],
    ),
    ensureContent(
      client,
      endpointSlices,
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { ...metadata, labels: { "kubernetes.io/service-name": "kubernetes" } },
        addressType: "IPv4",
        endpoints: [{ addresses: [ip], conditions: { ready: true } }],
        ports: [{ name: "https", port, protocol: "TCP" }],
      },
      ["endpoints", "ports"],
    ),
  ];
}

function hostAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flat();
  return all.find((address) => address?.family === "IPv4" && !address.internal)?.address;
}

/** Volumes of no content: simulated pods do not look. */
function defaultStorageClass(): KubeObject {
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "standard", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
    provisioner: localProvisioner,
    reclaimPolicy: "Delete",
    volumeBindingMode: "WaitForFirstConsumer",
  };
}

function priorityClassObjects(): KubeObject[] {
  const system: [name: string, value: number, description: string][] = [
    ["system-node-critical", 2_000_001_000, "For pods that a node cannot work without."],
    ["system-cluster-critical", 2_000_000_000, "For pods that the cluster cannot work without."],
  ];
  return system.map(([name, value, description]) => ({
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value,
    description,
  }));
}
