import { type EventRecorder, ManualClock } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { ContainerStatus, Pod, PodStatus } from "../../kinds.ts";
import { PullSlots } from "../images/pull-slots.ts";
import type { PodSetup } from "../pod-setup.ts";
import { PodWorker } from "../pod-worker.ts";
import type { PodWorkerContext } from "../pod-worker-context.ts";
import { directConnect } from "../probes/connect.ts";
import { ScriptedRuntime } from "./scripted-runtime.ts";

/** One worker on a scripted runtime, with a clock that stands still. */
export class WorkerBench {
  readonly clock = new ManualClock();
  readonly runtime: ScriptedRuntime;
  /** "Warning Failed Error: …" */
  readonly events: string[] = [];
  readonly worker: PodWorker;
  prepare: (pod: Pod) => Promise<void> = async () => {};
  container: () => Promise<void> = async () => {};
  terminationLog: (attempt: number) => string | undefined = () => undefined;
  secrets: KubeObject[] = [];
  readonly failures: unknown[] = [];
  pod: Pod;

  constructor(pod: Pod, context: Partial<PodWorkerContext> = {}) {
    this.pod = { ...pod, metadata: { uid: "uid-1", generation: 1, ...pod.metadata } };
    this.runtime = new ScriptedRuntime(this.clock, {
      exited: (id, exit) => this.worker.exited(id, exit),
      sandboxLost: () => this.worker.sandboxLost(),
    });
    for (const { image } of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
      this.runtime.present.add(image ?? "");
    }
    const setup: PodSetup = {
      prepare: (each) => this.prepare(each),
      update: () => {},
      sandbox: () => ({ hostname: "p", dns: undefined, sysctls: {}, directory: "/nowhere" }),
      container: async () => {
        await this.container();
        return { env: [], command: undefined, args: undefined, mounts: [], supplementalGroups: [], logDirectory: "" };
      },
      terminationLog: (_pod, _container, attempt) => this.terminationLog(attempt),
      pullSecrets: async () => ({ found: this.secrets, missing: [] }),
      release: async (uid) => {
        this.runtime.calls.push(`release ${uid}`);
      },
    };
    this.worker = new PodWorker(this.pod, {
      runtime: this.runtime,
      setup,
      connect: directConnect,
      pulls: new PullSlots(2),
      clock: this.clock,
      recorder: {
        event: (_pod: Pod, type: string, reason: string, message: string) => {
          this.events.push(`${type} ${reason} ${message}`);
        },
      } as unknown as EventRecorder,
      hostIp: "10.0.0.1",
      refuse: async () => undefined,
      resize: { resize: () => undefined },
      changed: () => {},
      started: () => {},
      failed: (_worker, error) => this.failures.push(error),
      ...context,
    });
    this.worker.start();
  }

  get status(): PodStatus {
    return this.worker.status() ?? {};
  }

  statusOf(name = "c0"): ContainerStatus | undefined {
    const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = this.status;
    return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
      (each) => each.name === name,
    );
  }

  /** What `kubectl get` would say of a container: a reason, or "Running". */
  stateOf(name = "c0"): string | undefined {
    const state = this.statusOf(name)?.state;
    if (state?.running) return "Running";
    return state?.waiting?.reason ?? state?.terminated?.reason;
  }

  /** Lets everything happen that happens without time passing. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 40; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Moves the clock second by second, letting things happen between. */
  async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0; left -= 1000) {
      this.clock.advance(Math.min(left, 1000));
      await this.settle();
    }
  }

  /** Takes a new form of the pod. */
  change(change: (pod: Pod) => void): void {
    const next = structuredClone(this.pod);
    next.metadata.generation = (next.metadata.generation ?? 0) + 1;
    change(next);
    this.pod = next;
    this.worker.update(next);
  }

  delete(graceSeconds: number): void {
    this.change(({ metadata }) => {
      metadata.deletionTimestamp = new Date(this.clock.now()).toISOString();
      metadata.deletionGracePeriodSeconds = graceSeconds;
    });
  }
}
