import {
  type DockerClient,
  DockerError,
  type ImageInspection,
  inspectImage,
  listImages,
  pullImage,
  type RegistryAuth,
} from "@podwright/docker";
import { type Image, ImagePullError, type PullOptions } from "../../runtime.ts";
import { imageIdOf, normalizeReference, registryOf } from "../image-names.ts";

/** An image of the daemon's as a runtime has it. */
export async function findDockerImage(docker: DockerClient, reference: string): Promise<Image | undefined> {
  const found = await inspectImage(docker, reference);
  return found && describe(reference, found);
}

function describe(reference: string, found: ImageInspection): Image {
  return { id: imageIdOf(reference, found), sizeBytes: found.Size, user: found.Config?.User ?? "" };
}

/** Pulls with one credential after the other, then without. Throws {@link ImagePullError} with the last refusal. */
export async function pullDockerImage(
  docker: DockerClient,
  reference: string,
  { credentials, signal }: PullOptions,
): Promise<Image> {
  const server = registryOf(reference);
  const attempts: (RegistryAuth | undefined)[] = [
    ...credentials.map(({ username, password }) => ({
      username,
      password,
      serveraddress: server === "docker.io" ? "https://index.docker.io/v1/" : server,
    })),
    undefined,
  ];
  let refusal: unknown;
  for (const auth of attempts) {
    try {
      await pullImage(docker, normalizeReference(reference), { signal, ...(auth && { auth }) });
      const image = await findDockerImage(docker, reference);
      if (image !== undefined) return image;
      throw new ImagePullError(`image "${reference}" was removed as soon as it was pulled`);
    } catch (error) {
      if (signal.aborted || !(error instanceof DockerError)) throw error;
      // The one that says most: a wrong password rather than that there is nothing for nobody.
      refusal ??= error;
      if (error.status === 0) break;
    }
  }
  const { status, message } = refusal as DockerError;
  throw new ImagePullError(status === 0 ? message : `Error response from daemon: ${message}`);
}

/** All images, under all their names. */
export async function listDockerImages(docker: DockerClient): Promise<{ names: string[]; sizeBytes: number }[]> {
  const images = await listImages(docker);
  return images
    .map(({ RepoTags, RepoDigests, Size }) => ({
      names: [...(RepoDigests ?? []), ...(RepoTags ?? [])]
        .filter((name) => !name.startsWith("<none>"))
        .map(normalizeReference),
      sizeBytes: Size,
    }))
    .filter(({ names }) => names.length > 0);
}
