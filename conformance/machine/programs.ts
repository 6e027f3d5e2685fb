import { daemonsMissing } from "@podwright/containerd/testing/programs";

/** Why this machine cannot run containers for a test, if it cannot: what is missing. */
export function missingFor(...programs: string[]): string | undefined {
  return daemonsMissing("busybox", ...programs);
}
