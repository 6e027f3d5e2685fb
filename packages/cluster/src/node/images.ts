import type { Container } from "../kinds.ts";
import type { ContainerRuntime, Image } from "./runtime.ts";

/** Why a container waits for its image. */
export interface ImageTrouble {
  reason: "ErrImagePull" | "ErrImageNeverPull";
  message: string;
}

/** Has the image ready as the pull policy wants it (k8s.io/kubernetes/pkg/kubelet/images/image_manager.go). */
export async function ensureImage(
  runtime: ContainerRuntime,
  container: Container,
  event: (type: "Normal" | "Warning", reason: string, message: string) => void,
): Promise<Image | ImageTrouble> {
  const reference = container.image ?? "";
  const policy = container.imagePullPolicy ?? "IfNotPresent";
  const present = policy === "Always" ? undefined : await runtime.findImage(reference);
  if (present !== undefined) {
    const message = `Container image "${reference}" already present on machine and can be accessed by the pod`;
    event("Normal", "Pulled", message);
    return present;
  }
  if (policy === "Never") {
    const message = `Container image "${reference}" is not present with pull policy of Never`;
    event("Warning", "ErrImageNeverPull", message);
    return { reason: "ErrImageNeverPull", message };
  }
  event("Normal", "Pulling", `Pulling image "${reference}"`);
  const startedAt = performance.now();
  try {
    const image = await runtime.pullImage(reference);
    const took = `${Math.max(Math.round(performance.now() - startedAt), 1)}ms`;
    event(
      "Normal",
      "Pulled",
      `Successfully pulled image "${reference}" in ${took} (${took} including waiting). Image size: ${image.sizeBytes} bytes.`,
    );
    return image;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    event("Warning", "Failed", `Failed to pull image "${reference}": ${message}`);
    event("Warning", "Failed", "Error: ErrImagePull");
    return { reason: "ErrImagePull", message };
  }
}
