/** What the containers of a pod share, made when it is needed (k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_sandbox.go). */
import { messageOf } from "@podwright/kube";
import type { Pod } from "../kinds.ts";
import { pullSecrets } from "./pod-setup.ts";
import type { PodWorkerContext } from "./pod-worker-context.ts";
import type { PodIdentity, Sandbox } from "./runtime.ts";
import { VolumeError } from "./volumes/volume-error.ts";

export class PodSandbox {
  readonly #context: Pick<PodWorkerContext, "runtime" | "setup" | "recorder">;
  #sandbox: Sandbox | undefined;
  /** It ended behind the agent's back. */
  lost = false;

  constructor(context: Pick<PodWorkerContext, "runtime" | "setup" | "recorder">) {
    this.#context = context;
  }

  get ip(): string | undefined {
    return this.#sandbox?.ip;
  }

  get isThere(): boolean {
    return this.#sandbox !== undefined;
  }

  /** Takes up the one that an agent before this one made. */
  recover(sandbox: Sandbox | undefined): void {
    this.#sandbox = sandbox;
  }

  /**
   * Makes the pod's volumes and then the sandbox. False when one of them cannot be made, which was told by an event
   * unless the pod is to end.
   */
  async start(pod: Pod, signal: AbortSignal): Promise<boolean> {
    const { runtime, setup, recorder } = this.#context;
    try {
      const prepared = setup.prepare(pod);
      if (prepared !== undefined) await prepared;
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      for (const message of error.messages) recorder.event(pod, "Warning", error.reason, message);
      return false;
    }
    if (signal.aborted) return false;
    // What is missing is told even where nothing has to be pulled.
    if (runtime.runsPrograms && (pod.spec.imagePullSecrets ?? []).length > 0) await pullSecrets(pod, this.#context);
    try {
      this.#sandbox = await runtime.startSandbox(pod, setup.sandbox(pod));
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      const message = messageOf(error);
      recorder.event(pod, "Warning", "FailedCreatePodSandBox", `Failed to create pod sandbox: ${message}`);
      return false;
    }
  }

  /** Its containers have ended. */
  async stop(pod: Pod): Promise<void> {
    await this.#context.runtime.stopSandbox(identity(pod));
    this.lost = false;
    this.#sandbox = undefined;
  }

  /** Removes everything that there is of the pod outside of the API. */
  async removeAll(pod: Pod): Promise<void> {
    await this.#context.runtime.removePod(identity(pod));
    await this.#context.setup.release(pod.metadata.uid ?? "");
  }
}

function identity({ metadata }: Pod): PodIdentity {
  return { uid: metadata.uid ?? "", namespace: metadata.namespace ?? "", name: metadata.name ?? "" };
}
