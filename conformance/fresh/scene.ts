import {
  cronJobs,
  daemonSets,
  deployments,
  events,
  namespaces,
  nodeImages,
  nodes,
  type ResourceRef,
  statefulSets,
} from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { type FreshState, type Operator, parseFreshState, startOperator } from "@podwright/operator";
import { afterAll, beforeAll, expect, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";

export const stateKey = "podwright.dev/fresh-state";
export const wait = { timeout: 20_000, interval: 20 };
/** A digest of one letter. */
export const id = (letter: string) => `sha256:${letter.repeat(64)}`;

/** An image as a node's image agent would report it; its content is one letter. */
export interface Image {
  name: string;
  content: string;
  replaces?: string;
  builtAt?: string;
}

/** A lane of two nodes whose images the test reports; workloads are named "web". */
export interface FreshScene {
  lane: Lane;
  nodeNames: string[];
  /** An operator with this part alone. */
  startOperator(fresh?: object): Promise<Operator>;
  /** Tells which images nodes have, besides those told before. */
  report(images: readonly Image[], on?: readonly string[], gone?: readonly string[]): Promise<void>;
  /** A namespace that is kept fresh; its name makes repositories of its own. */
  freshNamespace(prefix: string): Promise<string>;
  /** Creates a workload and waits until a pod of it is ready. */
  create(ref: ResourceRef, object: KubeObject): Promise<void>;
  /** A merge patch of the Deployment web. */
  change(namespace: string, patch: object): Promise<void>;
  get(namespace: string, ref?: ResourceRef): Promise<KubeObject>;
  imageOf(namespace: string, ref?: ResourceRef): Promise<string>;
  state(namespace: string): Promise<FreshState | undefined>;
  rolledTo(namespace: string, image: string, ref?: ResourceRef): Promise<void>;
  /** Waits for the result of the last rollout. */
  result(namespace: string, expected: string): Promise<void>;
  /** Waits for an event. */
  tells(namespace: string, text: string | RegExp): Promise<void>;
  /** Reports something else and waits until it is rolled out: what came before it has been looked at by then. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** The scene, and an operator in it, for the tests of a file; both are closed after them. */
export function useFreshScene(): { scene: FreshScene; operator: Operator } {
  const used = {} as { scene: FreshScene; operator: Operator };
  beforeAll(async () => {
    used.scene = await openFreshScene();
    used.operator = await used.scene.startOperator();
  });
  afterAll(async () => {
    await used.operator?.stop();
    await used.scene?.close();
  });
  return used;
}

async function openFreshScene(): Promise<FreshScene> {
  const lane = await openLane({ operator: false, nodes: 2 });
  const resource = (ref: ResourceRef) => lane.client.resource(ref);
  const nodeNames = (await resource(nodes).list()).items.map(({ metadata }) => metadata.name as string);
  /** By node, by name. */
  const held = new Map<string, Map<string, object>>();
  const get = (namespace: string, ref: ResourceRef = deployments) => resource(ref).get("web", namespace);
  const scene: FreshScene = {
    lane,
    nodeNames,
    startOperator: (fresh = {}) =>
      startOperator({
        client: lane.client,
        without: ["nanopod", "pack", "reflector", "redeploy"],
        fresh: { deadlineMs: 60_000, settleMs: 200, ...fresh },
        onError: console.error,
      }),
    async report(images, on = nodeNames, gone = []) {
      for (const node of on) {
        const known = held.get(node) ?? new Map<string, object>();
        held.set(node, known);
        for (const image of images) known.set(image.name, reported(image));
        for (const name of gone) known.delete(name);
        const status = { source: "containerd", connected: true, missedEvents: 0, images: [...known.values()] };
        const object = { apiVersion: "podwright.dev/v1alpha1", kind: "NodeImages", metadata: { name: node }, status };
        const options = { type: "apply", force: true, fieldManager: "podwright-image-agent" } as const;
        await resource(nodeImages).patch(node, undefined, object, options);
      }
    },
    async freshNamespace(prefix) {
      const name = await lane.namespace(prefix);
      const labels = { "podwright.dev/fresh": "true" };
      await resource(namespaces).patch(name, undefined, { metadata: { labels } }, { type: "merge" });
      return name;
    },
    async create(ref, object) {
      await resource(ref).create(object);
      if (ref === cronJobs) return;
      await vi.waitFor(async () => {
        const { status } = await get(object.metadata.namespace as string, ref);
        expect(status?.readyReplicas ?? status?.numberReady ?? 0).toBeGreaterThan(0);
      }, wait);
    },
    async change(namespace, patch) {
      await resource(deployments).patch("web", namespace, patch, { type: "merge" });
    },
    get,
    imageOf: async (namespace, ref) => templateOf(await get(namespace, ref)).spec.containers[0].image,
    async state(namespace) {
      const { metadata } = await get(namespace);
      return parseFreshState(metadata.annotations?.[stateKey], metadata.uid as string);
    },
    async rolledTo(namespace, image, ref) {
      await vi.waitFor(async () => expect(await scene.imageOf(namespace, ref)).toBe(image), wait);
    },
    async result(namespace, expected) {
      await vi.waitFor(async () => expect((await scene.state(namespace))?.rolls[0]?.result).toBe(expected), wait);
    },
    async tells(namespace, text) {
      await vi.waitFor(async () => {
        const { items } = await resource(events).list({ namespace });
        const told = items.filter(({ reason }) => reason.includes("Fresh"));
        expect(told.map(({ reason, message }) => `${reason}: ${message}`).join("\n")).toMatch(text);
      }, wait);
    },
    async settled() {
      const namespace = await scene.freshNamespace("last");
      await scene.report([{ name: `${namespace}/app:1`, content: "1" }]);
      await scene.create(deployments, workload(deployments, namespace, `${namespace}/app:1`));
      await scene.report([{ name: `${namespace}/app:2`, content: "2" }]);
      await scene.rolledTo(namespace, `${namespace}/app:2`);
    },
    async close() {
      for (const name of nodeNames) {
        await resource(nodeImages)
          .delete(name)
          .catch(() => {});
      }
      await lane.close();
    },
  };
  return scene;
}

function reported({ name, content, replaces, builtAt }: Image): object {
  return {
    name: `docker.io/${name}`,
    ids: [id(content)],
    appearedAt: new Date().toISOString(),
    ...(replaces === undefined ? {} : { replacedIds: [id(replaces)] }),
    ...(builtAt === undefined ? {} : { builtAt }),
  };
}

/** A workload "web" with the image in its container c, and another in its container side. */
export function workload(
  ref: ResourceRef,
  namespace: string,
  image: string,
  more: { metadata?: object; spec?: object; pod?: object } = {},
): KubeObject {
  const template = {
    metadata: { labels: { app: "web" } },
    spec: {
      containers: [
        { name: "c", image },
        { name: "side", image: "side:1" },
      ],
      ...(ref === cronJobs ? { restartPolicy: "Never" } : {}),
      ...more.pod,
    },
  };
  const spec =
    ref === cronJobs
      ? { schedule: "0 0 1 1 *", jobTemplate: { spec: { template } } }
      : {
          ...(ref === daemonSets ? {} : { replicas: 1 }),
          ...(ref === statefulSets ? { serviceName: "web" } : {}),
          selector: { matchLabels: { app: "web" } },
          template,
        };
  return {
    apiVersion: ref === cronJobs ? "batch/v1" : "apps/v1",
    kind: ref.kind,
    metadata: { name: "web", namespace, ...more.metadata },
    spec: { ...spec, ...more.spec },
  };
}

export function templateOf(object: KubeObject) {
  return object.kind === "CronJob" ? object["spec"].jobTemplate.spec.template : object["spec"].template;
}
