/** The images of a pod (k8s.io/kubernetes/pkg/kubelet/images/image_manager.go). */
import type { Clock } from "@podwright/client";
import { type KubeObject, messageOf } from "@podwright/kube";
import type { Container } from "../../kinds.ts";
import { BackOff, formatDuration } from "../back-off.ts";
import type { ContainerRuntime, Image } from "../runtime.ts";
import { withDefaultTag } from "./image-name.ts";
import { credentialsFor } from "./pull-secrets.ts";
import type { PullSlots } from "./pull-slots.ts";

/** Why a container waits for its image; `retryMs` says when to look again. */
export class ImageTrouble extends Error {
  override name = "ImageTrouble";
  readonly reason: "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" | "ImageInspectError";
  readonly retryMs: number;

  constructor(reason: ImageTrouble["reason"], message: string, retryMs: number) {
    super(message);
    this.reason = reason;
    this.retryMs = retryMs;
  }
}

export interface PodImagesOptions {
  runtime: ContainerRuntime;
  clock: Clock;
  slots: PullSlots;
  /** Of the pod, as they are now; asked for when there is something to pull. */
  pullSecrets(): Promise<KubeObject[]>;
}

/** Between looks at what will not change by itself. */
const lookAgainMs = 10_000;
/** After a failed pull the kubelet looks again as soon as anything of the pod changes. */
const showErrorMs = 1000;

export class PodImages {
  readonly #options: PodImagesOptions;
  readonly #failures = new Map<string, { backOff: BackOff; message: string; told: boolean }>();

  constructor(options: PodImagesOptions) {
    this.#options = options;
  }

  /** Has the image ready as the pull policy wants it. Throws an {@link ImageTrouble}, or the signal's reason. */
  async ensure(
    container: Container,
    event: (type: "Normal" | "Warning", reason: string, message: string) => void,
    signal: AbortSignal,
  ): Promise<Image> {
    const asked = container.image ?? "";
    const reference = this.#named(asked, event);
    const policy = container.imagePullPolicy ?? "IfNotPresent";
    const present = policy === "Always" ? undefined : await this.#find(reference, event);
    const quoted = JSON.stringify(asked);
    if (present !== undefined) {
      event("Normal", "Pulled", `Container image ${quoted} already present on machine and can be accessed by the pod`);
      return present;
    }
    if (policy === "Never") {
      const message = `Container image ${quoted} is not present with pull policy of Never`;
      event("Warning", "ErrImageNeverPull", message);
      throw new ImageTrouble("ErrImageNeverPull", message, lookAgainMs);
    }
    this.#refuseInBackOff(asked, event);
    return this.#pull(asked, reference, event, signal);
  }

  #named(asked: string, event: (type: "Warning", reason: string, message: string) => void): string {
    try {
      return withDefaultTag(asked);
    } catch (error) {
      const message = `Failed to apply default image tag ${JSON.stringify(asked)}: ${(error as Error).message}`;
      event("Warning", "InspectFailed", message);
      throw new ImageTrouble("InvalidImageName", message, lookAgainMs);
    }
  }

  async #find(
    reference: string,
    event: (type: "Warning", reason: string, message: string) => void,
  ): Promise<Image | undefined> {
    try {
      return await this.#options.runtime.findImage(reference);
    } catch (error) {
      const message = `Failed to inspect image "": ${messageOf(error)}`;
      event("Warning", "InspectFailed", message);
      throw new ImageTrouble("ImageInspectError", message, lookAgainMs);
    }
  }

  #refuseInBackOff(asked: string, event: (type: "Normal", reason: string, message: string) => void): void {
    const failure = this.#failures.get(asked);
    const leftMs = failure?.backOff.leftMs(this.#options.clock.now()) ?? 0;
    if (failure === undefined || leftMs <= 0) return;
    const text = `Back-off pulling image ${JSON.stringify(asked)}`;
    if (!failure.told) event("Normal", "BackOff", text);
    failure.told = true;
    throw new ImageTrouble("ImagePullBackOff", `${text}: ErrImagePull: ${failure.message}`, leftMs);
  }

  async #pull(
    asked: string,
    reference: string,
    event: (type: "Normal" | "Warning", reason: string, message: string) => void,
    signal: AbortSignal,
  ): Promise<Image> {
    const { runtime, clock, slots } = this.#options;
    const quoted = JSON.stringify(asked);
    const credentials = runtime.runsPrograms ? credentialsFor(reference, await this.#options.pullSecrets()) : [];
    event("Normal", "Pulling", `Pulling image ${quoted}`);
    const askedAtMs = clock.now();
    let startedAtMs = askedAtMs;
    try {
      const image = await slots.run(signal, () => {
        startedAtMs = clock.now();
        return runtime.pullImage(reference, { credentials, signal });
      });
      const now = clock.now();
      const [took, waited] = [formatDuration(now - startedAtMs), formatDuration(now - askedAtMs)];
      const size = `Image size: ${image.sizeBytes} bytes.`;
      event(
        "Normal",
        "Pulled",
        `Successfully pulled image ${quoted} in ${took} (${waited} including waiting). ${size}`,
      );
      this.#failures.delete(asked);
      return image;
    } catch (error) {
      signal.throwIfAborted();
      const message = messageOf(error);
      event("Warning", "Failed", `Failed to pull image ${quoted}: ${message}`);
      const backOff = this.#failures.get(asked)?.backOff ?? new BackOff();
      backOff.restarted(clock.now());
      this.#failures.set(asked, { backOff, message, told: false });
      throw new ImageTrouble("ErrImagePull", message, showErrorMs);
    }
  }
}
