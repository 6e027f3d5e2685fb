/** What the scenarios of real pods begin with. */
import { type ChildProcess, spawn } from "node:child_process";
import { events, pods } from "@podwright/client";
import { until, untilGone } from "@podwright/cluster/testing";
import type { KubeObject } from "@podwright/kube";
import { expect, vi } from "vitest";
import { kubectlProgram, type Ran } from "../kubectl.ts";
import { ignoreNotFound } from "../lane.ts";
import { type NodeLane, openNodeLane } from "../node-lane.ts";

export const patience = { timeout: 60_000, interval: 200 };

/** Ends at once when it is asked to. */
export const sleeps = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"];

export interface NodeScene {
  lane: NodeLane;
  /** The file's own. */
  namespace: string;
  /** Makes a pod on the node; what is not said of its containers is as in {@link container}. */
  make(name: string, containers: object[], spec?: object, metadata?: object): Promise<KubeObject>;
  reaches(name: string, wanted: (pod: KubeObject) => boolean): Promise<KubeObject>;
  isReady(name: string): Promise<KubeObject>;
  isGone(name: string): Promise<void>;
  /** kubectl in the namespace, whatever comes of it. */
  kubectl(args: string[], input?: string): Promise<Ran>;
  /** A kubectl that goes on: it must be ended. */
  kubectlBeside(...args: string[]): Promise<Beside>;
  /** What a shell command in the pod prints, on either output. */
  inPod(name: string, script: string, container?: string): Promise<string>;
  /** Events of the pod, as "Warning Failed message". */
  told(name: string): Promise<string[]>;
  /** Waits for an event. */
  tells(name: string, text: string | RegExp): Promise<void>;
}

export interface Beside {
  process: ChildProcess;
  /** Of both outputs, so far. */
  output(): string;
  /** Ends it; its exit code if it has ended by itself. */
  end(): Promise<number | null>;
}

/** A container of busybox that sleeps. */
export function container(more: object = {}): object {
  return { name: "c", image: "busybox:1.36", imagePullPolicy: "IfNotPresent", command: sleeps, ...more };
}

export async function openNodeScene(prefix: string): Promise<NodeScene> {
  const lane = await openNodeLane();
  const namespace = await lane.namespace(prefix);
  const reaches: NodeScene["reaches"] = (name, wanted) => until(lane.client, pods, name, wanted, namespace, 60);
  const kubectl: NodeScene["kubectl"] = (args, input) => lane.kubectl(["-n", namespace, ...args], input);
  const told: NodeScene["told"] = async (name) => {
    const fieldSelector = `involvedObject.name=${name}`;
    const { items } = await lane.client.resource(events).list({ namespace, fieldSelector });
    return items.map((event) => `${event["type"]} ${event["reason"]} ${event["message"]}`);
  };
  return {
    lane,
    namespace,
    async make(name, containers, spec = {}, metadata = {}) {
      // Of a try before this one.
      await lane.client.resource(pods).delete(name, namespace, { gracePeriodSeconds: 0 }).catch(ignoreNotFound);
      return lane.client.resource(pods).create({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace, ...metadata },
        spec: {
          nodeName: lane.node,
          terminationGracePeriodSeconds: 3,
          automountServiceAccountToken: false,
          containers: containers.map(container),
          ...spec,
        },
      });
    },
    reaches,
    isReady: (name) => reaches(name, ready),
    isGone: (name) => untilGone(lane.client, pods, name, namespace, 60),
    kubectl,
    async kubectlBeside(...args) {
      const given = ["--kubeconfig", lane.kubeconfig, "-n", namespace, ...args];
      return beside(spawn(await kubectlProgram(), given));
    },
    async inPod(name, script, of = "c") {
      const ran = await kubectl(["exec", name, "-c", of, "--", "sh", "-c", script]);
      return ran.stdout + ran.stderr;
    },
    told,
    tells: (name, text) =>
      vi.waitFor(async () => expect(await told(name)).toContainEqual(expect.stringMatching(text)), patience),
  };
}

function beside(child: ChildProcess): Beside {
  let output = "";
  const take = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    process: child,
    output: () => output,
    end() {
      child.kill();
      return ended;
    },
  };
}

/** The first container's status. */
// biome-ignore lint/suspicious/noExplicitAny: a status is looked at as it comes.
export function first({ status }: KubeObject): any {
  return status?.containerStatuses?.[0];
}

export function ready({ status }: KubeObject): boolean {
  const conditions: { type: string; status: string }[] = status?.conditions ?? [];
  return conditions.some((condition) => condition.type === "Ready" && condition.status === "True");
}

/** For {@link NodeScene.reaches}. */
export function hasPhase(phase: string): (pod: KubeObject) => boolean {
  return ({ status }) => status?.phase === phase;
}

export function waitsFor(reason: string): (pod: KubeObject) => boolean {
  return (pod) => first(pod)?.state?.waiting?.reason === reason;
}
