import { cronJobs, daemonSets, deployments, type ResourceRef, statefulSets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { isRolledOut } from "../rolled-out.ts";
import type { ContainerFacts } from "./decide.ts";
import { fieldManager, freshLabel, settingKeys, stateKey } from "./keys.ts";
import type { Placement } from "./placement.ts";

export type WorkloadKind = "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob";

export const workloadRefs: Readonly<Record<WorkloadKind, ResourceRef>> = {
  Deployment: deployments,
  StatefulSet: statefulSets,
  DaemonSet: daemonSets,
  CronJob: cronJobs,
};

/** A container of a template, and the list it stands in. */
export interface TemplateContainer extends ContainerFacts {
  list: "containers" | "initContainers";
}

/** What is remembered of a workload: little, there may be thousands. */
export interface Workload extends KubeObject {
  kind: WorkloadKind;
  containers: TemplateContainer[];
  placement: Placement;
  /** Names of the template's pull secrets, and of its service account. */
  pullSecrets: readonly string[];
  serviceAccount: string;
  /** When somebody else than us last wrote images into the template, in ms since 1970; whole seconds. */
  templateSetAt: number;
  rolledOut: boolean;
}

/** Annotation of a pod template: the content that a container's pods were restarted for. */
export function pinKey(container: string): string {
  return `image.podwright.dev/${container}`;
}

/** "Deployment/default/web", the key in queues. */
export function workloadKey(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

export function keyOf({ kind, metadata }: KubeObject): string {
  return workloadKey(kind, metadata.namespace as string, metadata.name as string);
}

/** An informer's transform. */
export function toWorkload(object: KubeObject): Workload {
  const { name, namespace, uid, resourceVersion, generation, deletionTimestamp, labels, annotations } = object.metadata;
  const template = templateOf(object);
  const pod = template?.spec ?? {};
  const pins = template?.metadata?.annotations ?? {};
  const fresh = labels?.[freshLabel];
  return {
    apiVersion: object.kind === "CronJob" ? "batch/v1" : "apps/v1",
    kind: object.kind as WorkloadKind,
    metadata: {
      name: name as string,
      namespace: namespace as string,
      uid: uid as string,
      resourceVersion: resourceVersion as string,
      generation: generation ?? 0,
      ...(fresh === undefined ? {} : { labels: { [freshLabel]: fresh } }),
      annotations: pick(annotations ?? {}, [...settingKeys, stateKey]),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    containers: [
      ...containersOf("initContainers", pod.initContainers, pins),
      ...containersOf("containers", pod.containers, pins),
    ],
    placement: { ...placementOf(pod), ...(object.kind === "DaemonSet" ? { daemons: true } : {}) },
    pullSecrets: (pod.imagePullSecrets ?? []).flatMap(({ name }: { name?: string }) => name ?? []),
    serviceAccount: pod.serviceAccountName ?? "default",
    templateSetAt: imagesSetAt(object),
    rolledOut: object.kind === "CronJob" || isRolledOut(object),
  };
}

/** Another image, or pin, for a container of a template. */
export interface TemplateChange {
  container: TemplateContainer;
  image?: string;
  /** null takes it out. */
  pin?: string | null;
}

/** The containers as they are when the changes are made. */
export function withChanges(
  containers: readonly TemplateContainer[],
  changes: readonly TemplateChange[],
): TemplateContainer[] {
  return containers.map((each) => {
    const change = changes.find(({ container }) => container === each);
    if (change === undefined) return each;
    const { pinnedId, ...rest } = each;
    const pin = change.pin === undefined ? pinnedId : (change.pin ?? undefined);
    return { ...rest, image: change.image ?? each.image, ...(pin === undefined ? {} : { pinnedId: pin }) };
  });
}

/** A strategic merge patch that gives containers other images, or pins, and touches nothing else of the template. */
export function templatePatch(kind: WorkloadKind, changes: readonly TemplateChange[]): object {
  const annotations = Object.fromEntries(
    changes.flatMap(({ container, pin }) => (pin === undefined ? [] : [[pinKey(container.name), pin]])),
  );
  const spec: Record<string, object[]> = {};
  for (const { container, image } of changes) {
    if (image === undefined) continue;
    spec[container.list] = [...(spec[container.list] ?? []), { name: container.name, image }];
  }
  const template = {
    ...(Object.keys(annotations).length === 0 ? {} : { metadata: { annotations } }),
    ...(Object.keys(spec).length === 0 ? {} : { spec }),
  };
  return kind === "CronJob" ? { jobTemplate: { spec: { template } } } : { template };
}

function templateOf(object: KubeObject) {
  const { spec } = object;
  return object.kind === "CronJob" ? spec?.jobTemplate?.spec?.template : spec?.template;
}

interface RawContainer {
  name?: string;
  image?: string;
  imagePullPolicy?: string;
}

function containersOf(
  list: TemplateContainer["list"],
  containers: readonly RawContainer[] | undefined,
  pins: Readonly<Record<string, string>>,
): TemplateContainer[] {
  return (containers ?? []).map(({ name = "", image = "", imagePullPolicy = "IfNotPresent" }) => {
    const pinnedId = pins[pinKey(name)];
    return {
      list,
      name,
      image,
      pullPolicy: imagePullPolicy as ContainerFacts["pullPolicy"],
      ...(pinnedId === undefined ? {} : { pinnedId }),
    };
  });
}

// biome-ignore lint/suspicious/noExplicitAny: a pod's spec, as it is on the wire.
function placementOf(pod: any): Placement {
  const required = pod.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return {
    ...(pod.nodeName ? { nodeName: pod.nodeName } : {}),
    ...(pod.nodeSelector === undefined ? {} : { nodeSelector: pod.nodeSelector }),
    ...(required === undefined ? {} : { terms: required }),
    ...(pod.tolerations === undefined ? {} : { tolerations: pod.tolerations }),
  };
}

function pick(values: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = values[key];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/** By the managed fields: when a manager of images, other than us, wrote last. */
function imagesSetAt({ kind, metadata }: KubeObject): number {
  let latest = Date.parse((metadata.creationTimestamp as string | undefined) ?? "") || 0;
  for (const { manager, subresource, time, fieldsV1 } of (metadata.managedFields ?? []) as ManagedFields[]) {
    if (manager === fieldManager || subresource || time === undefined) continue;
    const spec = fieldsV1?.["f:spec"];
    const template = kind === "CronJob" ? spec?.["f:jobTemplate"]?.["f:spec"]?.["f:template"] : spec?.["f:template"];
    if (writesImages(template?.["f:spec"])) latest = Math.max(latest, Date.parse(time));
  }
  return latest;
}

// biome-ignore lint/suspicious/noExplicitAny: a tree of field names of any depth.
type FieldTree = any;

interface ManagedFields {
  manager?: string;
  subresource?: string;
  time?: string;
  fieldsV1?: FieldTree;
}

function writesImages(pod: FieldTree): boolean {
  return ["f:containers", "f:initContainers"].some((list) =>
    Object.values(pod?.[list] ?? {}).some((container) => (container as FieldTree)["f:image"] !== undefined),
  );
}
