import { contentOf, type Descriptor, type GrpcConnection, imagesOf } from "@podwright/containerd";
import { type Brought, bringImage, manifestLabels } from "./target.ts";

interface Manifest {
  mediaType?: string;
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: (Descriptor & { platform?: { os?: string; architecture?: string } })[];
}

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/**
 * Brings an image from one of containerd's namespaces to another: the blobs that are not there. Of an index, the
 * manifest of this platform.
 */
export async function bringFromNamespace(
  connection: GrpcConnection,
  options: { from: string; namespace: string; name: string; now: number; signal?: AbortSignal },
): Promise<Brought> {
  const { from, name, signal } = options;
  const call = signal === undefined ? {} : { signal };
  const source = contentOf(connection, from);
  const { target } = await imagesOf(connection, from).get(name, call);
  if (target === undefined) throw new Error(`the image ${name} has no target`);
  return bringImage(connection, options, async (writer) => {
    const read = async (digest: string) =>
      JSON.parse((await source.readAll(digest, 4 << 20, call)).toString("utf8")) as Manifest;
    let found: Descriptor = target;
    let manifest = await read(found.digest);
    if (manifest.manifests !== undefined) {
      const ours = manifest.manifests.find(
        ({ platform }) => platform?.os === "linux" && platform.architecture === architectures[process.arch],
      );
      found = ours ?? (manifest.manifests[0] as Descriptor);
      manifest = await read(found.digest);
    }
    const { config, layers = [] } = manifest;
    if (config === undefined) throw new Error(`the manifest of ${name} has no configuration`);
    for (const blob of [...layers, config]) {
      await writer.write(blob, () => source.read(blob.digest, call));
    }
    const labels = manifestLabels(
      config.digest,
      layers.map(({ digest }) => digest),
    );
    const { mediaType, digest, size } = found;
    await writer.write(found, () => source.read(digest, call), labels);
    return { mediaType, digest, size, annotations: {} };
  });
}
