/** What a container sees of its pod's volumes and files (k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go, makeMounts). */
import type { Container, VolumeMount } from "../../kinds.ts";
import { ContainerConfigError } from "../environment/config-error.ts";
import { type EnvVar, expandSubPath } from "../environment/expansion.ts";
import type { PodDirectory } from "../pod-directory.ts";
import type { Mount } from "../runtime.ts";
import type { MountedVolume } from "./mounted-volume.ts";
import type { Mounts } from "./mounts.ts";
import { provideSubPath } from "./sub-path.ts";

export interface VolumeMountsOptions {
  volumes: ReadonlyMap<string, MountedVolume>;
  directory: PodDirectory;
  env: readonly EnvVar[];
  mounts: Mounts | undefined;
  /** The runtime can make whole trees of mounts read-only. */
  recursiveReadOnly: boolean;
}

/** The mounts of a container's volumes, in its order. Throws {@link ContainerConfigError}. */
export async function volumeMounts(container: Container, options: VolumeMountsOptions): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const volume = options.volumes.get(mount.name);
    if (volume === undefined) {
      const which = `${JSON.stringify(mount.name)} to mount into container ${JSON.stringify(container.name)}`;
      throw new ContainerConfigError(`cannot find volume ${which}`);
    }
    const hostPath = await hostPathOf(container, mount, index, volume, options);
    mounts.push({
      hostPath,
      containerPath: mount.mountPath.startsWith("/") ? mount.mountPath : `/${mount.mountPath}`,
      readOnly: (mount.readOnly ?? false) || volume.readOnly,
      propagation: mount.mountPropagation ?? "None",
      ...(isRecursive(mount, options.recursiveReadOnly) ? { recursiveReadOnly: true } : {}),
    });
  }
  return mounts;
}

async function hostPathOf(
  container: Container,
  mount: VolumeMount,
  index: number,
  volume: MountedVolume,
  { directory, env, mounts }: VolumeMountsOptions,
): Promise<string> {
  const subPath = subPathOf(mount, env);
  if (subPath === "") return volume.path;
  if (subPath.startsWith("/"))
    throw new ContainerConfigError(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (subPath.split("/").includes("..")) {
    throw new ContainerConfigError(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  }
  try {
    const target = directory.subPath(mount.name, container.name, index);
    return await provideSubPath(volume.path, subPath, target, mounts);
  } catch (error) {
    // What went wrong would tell of the node's files.
    const which = `volumeMount ${JSON.stringify(mount.name)} of container ${JSON.stringify(container.name)}`;
    throw new ContainerConfigError(`failed to prepare subPath for ${which}`, { cause: error });
  }
}

function subPathOf({ subPath = "", subPathExpr }: VolumeMount, env: readonly EnvVar[]): string {
  if (!subPathExpr) return subPath;
  try {
    return expandSubPath(subPathExpr, env);
  } catch (error) {
    throw new ContainerConfigError((error as Error).message, { cause: error });
  }
}

function isRecursive(mount: VolumeMount, supported: boolean): boolean {
  const { name, recursiveReadOnly = "Disabled", readOnly, mountPropagation = "None" } = mount;
  if (recursiveReadOnly === "Disabled") return false;
  const refuse = (why: string): ContainerConfigError => {
    const what = `volume ${JSON.stringify(name)} requested recursive read-only mode, but it is ${why}`;
    return new ContainerConfigError(`failed to resolve recursive read-only mode: ${what}`);
  };
  if (!readOnly) throw refuse("not read-only");
  if (mountPropagation !== "None") throw refuse(`not compatible with propagation ${JSON.stringify(mountPropagation)}`);
  if (!supported && recursiveReadOnly === "Enabled") throw refuse("not supported by the runtime");
  return supported;
}
