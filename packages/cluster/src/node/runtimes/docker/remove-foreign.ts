import { access } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { createContainer, type DockerClient, type MountSpec, removeContainer, startContainer } from "@podwright/docker";
import { clusterLabel, typeLabel } from "../labels.ts";
import { ensurePauseImage, pauseImage } from "./pause-image.ts";

/** Where rm(1) and its libraries are. */
const programs = ["/bin", "/usr", "/lib", "/lib64", "/nix", "/run/current-system"];

/**
 * Removes a folder with files that this process may not remove: those that containers have made as root. By a
 * container that has the folder's parent and the machine's own rm.
 */
export async function removeForeignFiles(docker: DockerClient, clusterId: string, path: string): Promise<void> {
  const present = await Promise.all(
    programs.map((program) =>
      access(program).then(
        () => true,
        () => false,
      ),
    ),
  );
  const mounts: MountSpec[] = programs
    .filter((_program, index) => present[index])
    .map((program) => ({ Type: "bind", Source: program, Target: program, ReadOnly: true }));
  const { Architecture } = await docker.json<{ Architecture: string }>("GET", "/info");
  await ensurePauseImage(docker, Architecture);
  const { Id } = await createContainer(docker, `podwright-remove-${clusterId}-${Date.now()}`, {
    Image: pauseImage,
    Labels: { [clusterLabel]: clusterId, [typeLabel]: "remove" },
    Entrypoint: ["/bin/rm", "-rf", "--one-file-system", join("/parent", basename(path))],
    HostConfig: {
      NetworkMode: "none",
      Mounts: [...mounts, { Type: "bind", Source: dirname(path), Target: "/parent" }],
    },
  });
  try {
    await startContainer(docker, Id);
    await docker.json("POST", `/containers/${Id}/wait`, { slow: true });
  } finally {
    await removeContainer(docker, Id, true);
  }
}
