/** What the scenarios of workloads begin with. */
import type { Client, ResourceRef } from "@podwright/client";
import { until, untilGone } from "@podwright/cluster/testing";
import type { KubeObject } from "@podwright/kube";
import { afterAll } from "vitest";
import { type Lane, openLane } from "../lane.ts";

type Wanted = (object: KubeObject) => boolean;

export interface Scene {
  lane: Lane;
  client: Client;
  /** The file's own. */
  namespace: string;
  /** Resolves with the object of the namespace, or of none, as soon as it is as wanted. */
  until(ref: ResourceRef, name: string, wanted: Wanted): Promise<KubeObject>;
  untilGone(ref: ResourceRef, name: string): Promise<void>;
}

/** Upstream's garbage collector looks for new kinds every 30 s, and may need two looks. */
const patienceSeconds = 90;

/** Opens a lane without the operator, for the file that awaits it; it is closed after the file's tests. */
export async function openScene(prefix: string, options: { nodes?: number } = {}): Promise<Scene> {
  const lane = await openLane({ ...options, operator: false });
  afterAll(() => lane.close());
  const { client } = lane;
  const namespace = await lane.namespace(prefix);
  return {
    lane,
    client,
    namespace,
    until: (ref, name, wanted) => until(client, ref, name, wanted, namespace, patienceSeconds),
    untilGone: (ref, name) => untilGone(client, ref, name, namespace, patienceSeconds),
  };
}

/** What is done to the workloads of one kind. */
export interface Workloads {
  create(object: KubeObject): Promise<KubeObject>;
  /** Changes fields of the spec, those of lists by their keys. */
  change(name: string, spec: object): Promise<KubeObject>;
  reaches(name: string, wanted: Wanted): Promise<KubeObject>;
}

export function workloadsOf({ client, namespace, until }: Scene, ref: ResourceRef): Workloads {
  const resource = client.resource(ref);
  return {
    create: (object) => resource.create(object),
    change: (name, spec) => resource.patch(name, namespace, { spec }, { type: "strategic" }),
    reaches: (name, wanted) => until(ref, name, wanted),
  };
}

/** A workload of apps/v1 whose pods have the label app with its name, and one container. */
export function workload(
  kind: "Deployment" | "StatefulSet" | "DaemonSet",
  metadata: { name: string; namespace: string },
  spec: object,
  { container = {}, pod = {} }: { container?: object; pod?: object } = {},
): KubeObject {
  const labels = { app: metadata.name };
  const containers = [{ name: "main", image: "app:1", ...container }];
  return {
    apiVersion: "apps/v1",
    kind,
    metadata,
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers, ...pod } },
      ...spec,
    },
  };
}

/** A change of a workload's spec to another image. */
export function withImage(image: string): object {
  return { template: { spec: { containers: [{ name: "main", image }] } } };
}
