import { type GrpcConnection, GrpcError, grpcCodes } from "@podwright/containerd";
import { type CriImage, cri } from "@podwright/containerd/cri";
import { type Image, ImagePullError, type PullOptions } from "../../runtime.ts";
import { imageIdOf, normalizeReference, registryOf } from "../image-names.ts";

/** Pulling a large image takes as long as it takes: its signal ends it. */
const noTimeout = 0;

export async function findCriImage(connection: GrpcConnection, reference: string): Promise<Image | undefined> {
  const { image } = await connection.unary(cri.imageStatus, { image: { image: normalizeReference(reference) } });
  return image && describe(reference, image as CriImage);
}

function describe(reference: string, { id, repoDigests, size, uid, username }: CriImage): Image {
  return {
    id: imageIdOf(reference, { Id: id, RepoDigests: repoDigests }),
    sizeBytes: size,
    user: username || (uid?.value === undefined ? "" : String(uid.value)),
  };
}

/** Pulls with one credential after the other, then without. Throws {@link ImagePullError} with the first refusal. */
export async function pullCriImage(
  connection: GrpcConnection,
  reference: string,
  { credentials, signal }: PullOptions,
): Promise<Image> {
  const serverAddress = registryOf(reference);
  let refusal: GrpcError | undefined;
  for (const login of [...credentials, undefined]) {
    const auth = login && { username: login.username, password: login.password, serverAddress };
    try {
      const request = { image: { image: normalizeReference(reference) }, ...(auth && { auth }) };
      await connection.unary(cri.pullImage, request, { timeoutMs: noTimeout, signal });
      const image = await findCriImage(connection, reference);
      if (image !== undefined) return image;
      throw new ImagePullError(`image "${reference}" was removed as soon as it was pulled`);
    } catch (error) {
      if (signal.aborted || !(error instanceof GrpcError)) throw error;
      // The one that says most: a wrong password rather than that there is nothing for nobody.
      refusal ??= error;
      if (error.code === grpcCodes.unavailable) break;
    }
  }
  throw new ImagePullError(`rpc error: code = ${codeName(refusal)} desc = ${detailsOf(refusal)}`);
}

function codeName(error: GrpcError | undefined): string {
  const [name = "Unknown"] = Object.entries(grpcCodes).find(([, code]) => code === error?.code) ?? [];
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** What the daemon said, without which of its methods it was. */
export function detailsOf(error: unknown): string {
  return error instanceof GrpcError ? error.message.replace(/^\w+\/\w+: /, "") : String((error as Error)?.message);
}

/** All images, under all their names. */
export async function listCriImages(connection: GrpcConnection): Promise<{ names: string[]; sizeBytes: number }[]> {
  const { images } = await connection.unary(cri.listImages, {});
  return images
    .map(({ repoTags, repoDigests, size }) => ({ names: [...repoDigests, ...repoTags], sizeBytes: size }))
    .filter(({ names }) => names.length > 0);
}
