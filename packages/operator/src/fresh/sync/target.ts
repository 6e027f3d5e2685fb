import { randomUUID } from "node:crypto";
import {
  contentOf,
  type Descriptor,
  type GrpcConnection,
  grpcCodes,
  imagesOf,
  isGrpcCode,
  leasesOf,
  underLease,
} from "@podwright/containerd";

/** What came of bringing an image to a node's containerd. */
export interface Brought {
  /** Blobs that were not there, and their bytes. */
  blobs: number;
  bytes: number;
  /** Bytes of those that were there already. */
  sparedBytes: number;
}

/** Writes blobs into a containerd namespace; under a lease, so that none is collected before all are there. */
export interface BlobWriter {
  brought: Brought;
  /** The descriptor's digest when the content is there, or one that unpacks to it. */
  find(digest: string): Promise<Descriptor | undefined>;
  write(
    descriptor: Descriptor,
    data: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    labels?: Record<string, string>,
  ): Promise<void>;
}

const leaseMs = 600_000;
const uncompressed = "containerd.io/uncompressed";
const gzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip";
export const plainLayer = "application/vnd.oci.image.layer.v1.tar";

/** Runs `bring`, which writes the blobs and gives the image's target, and gives the name that target. */
export async function bringImage(
  connection: GrpcConnection,
  options: { namespace: string; name: string; now: number; signal?: AbortSignal },
  bring: (writer: BlobWriter) => Promise<Descriptor>,
): Promise<Brought> {
  const { namespace, name, now, signal } = options;
  const call = signal === undefined ? {} : { signal };
  const content = contentOf(connection, namespace);
  const leases = leasesOf(connection, namespace);
  const lease = `podwright-${randomUUID()}`;
  const brought: Brought = { blobs: 0, bytes: 0, sparedBytes: 0 };
  await leases.create(lease, now + leaseMs, call);
  try {
    const target = await bring({
      brought,
      async find(digest) {
        const info = await content.info(digest, call);
        if (info !== undefined) return { mediaType: plainLayer, digest, size: info.size, annotations: {} };
        // Pulled layers are compressed, and labelled with what they unpack to.
        for await (const packed of content.list([`labels.${JSON.stringify(uncompressed)}==${digest}`], call)) {
          return { mediaType: gzipLayer, digest: packed.digest, size: packed.size, annotations: {} };
        }
        return undefined;
      },
      async write({ digest, size }, data, labels) {
        const blob = { digest, size, ...(labels === undefined ? {} : { labels }) };
        const sent = await content.write(blob, data(), underLease(lease, call));
        if (sent === 0) brought.sparedBytes += size;
        else {
          brought.blobs++;
          brought.bytes += sent;
        }
      },
    });
    const images = imagesOf(connection, namespace);
    try {
      await images.create({ name, target, labels: {} }, call);
    } catch (error) {
      if (!isGrpcCode(error, grpcCodes.alreadyExists)) throw error;
      await images.update({ name, target }, ["target"], call);
    }
    return brought;
  } finally {
    await leases.delete(lease).catch(() => {});
  }
}

/** Labels by which a manifest keeps its configuration and layers. */
export function manifestLabels(config: string, layers: readonly string[]): Record<string, string> {
  return {
    "containerd.io/gc.ref.content.config": config,
    ...Object.fromEntries(layers.map((digest, at) => [`containerd.io/gc.ref.content.l.${at}`, digest])),
  };
}
