/** The variables of a container (k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables). */
import { configMaps, type ResourceRef, secrets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Container, Node, Pod, Service } from "../../kinds.ts";
import { missingObject, type NodeObjects } from "../objects/node-objects.ts";
import { ContainerConfigError } from "./config-error.ts";
import { envFileValue } from "./env-file.ts";
import { type EnvVar, expand } from "./expansion.ts";
import { metadataField } from "./pod-fields.ts";
import { type ResourceFieldRef, resourceField } from "./resource-fields.ts";
import { serviceVariables } from "./service-variables.ts";

export interface EnvironmentSources {
  objects: Pick<NodeObjects, "get">;
  /** All of the cluster. */
  services: Iterable<Service>;
  /** What limits default to. */
  node: Node;
  podIps: readonly string[];
  hostIps: readonly string[];
  /** The text of a file in a volume of the pod. Throws when it cannot be read. */
  readVolumeFile(volume: string, path: string): Promise<string>;
}

/**
 * The container's variables in the order they are declared: those of Services, from whole objects, its own. Throws
 * {@link ContainerConfigError} when something is missing, with upstream's message.
 */
export async function containerEnvironment(
  pod: Pod,
  container: Container,
  sources: EnvironmentSources,
): Promise<EnvVar[]> {
  const { namespace = "" } = pod.metadata;
  const ofServices = serviceVariables(sources.services, namespace, pod.spec.enableServiceLinks ?? true);
  const own = new Map<string, string>();
  const context: Context = { pod, container, sources, namespace };
  try {
    for (const source of container.envFrom ?? []) await addAll(context, source, own);
    for (const { name, value, valueFrom } of container.env ?? []) {
      const found = value
        ? expand(value, (variable) => own.get(variable) ?? ofServices[variable])
        : await sourcedValue(context, (valueFrom ?? {}) as ValueSource);
      if (found !== undefined) own.set(name, found);
    }
  } catch (error) {
    throw new ContainerConfigError((error as Error).message, { cause: error });
  }
  const merged = new Map(Object.entries(ofServices).filter(([name]) => !own.has(name)));
  for (const [name, value] of own) merged.set(name, value);
  return Array.from(merged, ([name, value]) => ({ name, value }));
}

interface Context {
  pod: Pod;
  container: Container;
  sources: EnvironmentSources;
  namespace: string;
}

interface KeyReference {
  name?: string;
  key: string;
  optional?: boolean;
}

interface ValueSource {
  fieldRef?: { fieldPath: string };
  resourceFieldRef?: ResourceFieldRef;
  configMapKeyRef?: KeyReference;
  secretKeyRef?: KeyReference;
  fileKeyRef?: { volumeName: string; path: string; key: string; optional?: boolean };
}

async function addAll(
  context: Context,
  { prefix = "", configMapRef, secretRef }: NonNullable<Container["envFrom"]>[number],
  variables: Map<string, string>,
): Promise<void> {
  const [resource, reference] = configMapRef ? [configMaps, configMapRef] : [secrets, secretRef];
  if (reference === undefined) return;
  const object = await objectOf(context, resource, reference);
  for (const [key, value] of object?.values ?? []) variables.set(prefix + key, value());
}

/** Undefined: there is none, and need not be one. */
async function sourcedValue(context: Context, source: ValueSource): Promise<string | undefined> {
  const { pod, container, sources } = context;
  if (source.fieldRef !== undefined) return podField(context, source.fieldRef.fieldPath);
  if (source.resourceFieldRef !== undefined) {
    return resourceField(pod, container, source.resourceFieldRef, sources.node.status?.allocatable ?? {});
  }
  if (source.configMapKeyRef !== undefined) return keyOf(context, configMaps, source.configMapKeyRef);
  if (source.secretKeyRef !== undefined) return keyOf(context, secrets, source.secretKeyRef);
  if (source.fileKeyRef !== undefined) return fileKey(context, source.fileKeyRef);
  return "";
}

function podField({ pod, sources }: Context, path: string): string {
  switch (path) {
    case "spec.nodeName":
      return pod.spec.nodeName ?? "";
    case "spec.serviceAccountName":
      return pod.spec.serviceAccountName ?? "";
    case "status.hostIP":
      return sources.hostIps[0] ?? "";
    case "status.hostIPs":
      return sources.hostIps.join(",");
    case "status.podIP":
      return sources.podIps[0] ?? "";
    case "status.podIPs":
      return sources.podIps.join(",");
    default:
      return metadataField(pod, path);
  }
}

async function keyOf(context: Context, resource: ResourceRef, reference: KeyReference): Promise<string | undefined> {
  const object = await objectOf(context, resource, reference);
  const value = object?.values.get(reference.key);
  if (value !== undefined) return value();
  if (reference.optional) return undefined;
  const which = `${resource.kind} ${context.namespace}/${reference.name ?? ""}`;
  throw new Error(`couldn't find key ${reference.key} in ${which}`);
}

/** What a ConfigMap or Secret holds; undefined when there is none and need not be one. */
async function objectOf(
  { sources, namespace }: Context,
  resource: ResourceRef,
  { name = "", optional }: { name?: string; optional?: boolean },
): Promise<{ values: Map<string, () => string> } | undefined> {
  const object = await sources.objects.get<KubeObject>(resource, namespace, name);
  if (object === undefined) {
    if (optional) return undefined;
    throw missingObject(resource, name);
  }
  const data = (object["data"] ?? {}) as Record<string, string>;
  const text =
    resource === secrets
      ? (value: string) => () => Buffer.from(value, "base64").toString("utf8")
      : (value: string) => () => value;
  return { values: new Map(Object.entries(data).map(([key, value]) => [key, text(value)])) };
}

async function fileKey(
  { sources }: Context,
  { volumeName, path, key, optional }: NonNullable<ValueSource["fileKeyRef"]>,
): Promise<string | undefined> {
  let value: string;
  try {
    value = envFileValue(await sources.readVolumeFile(volumeName, path), key);
  } catch (error) {
    throw new Error("couldn't parse env file", { cause: error });
  }
  if (value !== "") return value;
  if (optional) return undefined;
  throw new Error(`environment variable key ${JSON.stringify(key)} not found in file ${JSON.stringify(path)}`);
}
