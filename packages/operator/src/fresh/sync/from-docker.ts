import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Descriptor, GrpcConnection } from "@podwright/containerd";
import { type DockerClient, inspectImage, saveImage } from "@podwright/docker";
import { extract } from "tar-stream";
import { type BlobWriter, type Brought, bringImage, manifestLabels, plainLayer } from "./target.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const configType = "application/vnd.oci.image.config.v1+json";
const longestConfig = 8 << 20;

/**
 * Brings an image from docker to a containerd: of its layers only those that are not there. Docker gives an image
 * only as a whole, so that all of it is read when any is missing; the ones that are there are not written.
 * Throws when docker does not have it.
 */
export async function bringFromDocker(
  docker: DockerClient,
  connection: GrpcConnection,
  options: { namespace: string; name: string; now: number; signal?: AbortSignal },
): Promise<Brought> {
  const { name, signal } = options;
  const image = await inspectImage(docker, name, signal);
  if (image === undefined) throw new Error(`docker has no image ${name}`);
  const diffIds = image.RootFS.Layers ?? [];
  return bringImage(connection, options, async (writer) => {
    const there = new Map<string, Descriptor>();
    for (const diffId of new Set(diffIds)) {
      const found = await writer.find(diffId);
      if (found === undefined) continue;
      there.set(diffId, found);
      writer.brought.sparedBytes += found.size;
    }
    const missing = new Set(diffIds.filter((diffId) => !there.has(diffId)));
    const config = await readArchive(docker, image.Id, missing, writer, there, signal);
    const layers = diffIds.map((diffId) => there.get(diffId) as Descriptor);
    return writeManifest(writer, image.Id, config, layers);
  });
}

async function writeManifest(
  writer: BlobWriter,
  id: string,
  config: Buffer,
  layers: readonly Descriptor[],
): Promise<Descriptor> {
  const configuration = { mediaType: configType, digest: id, size: config.length, annotations: {} };
  await writer.write(configuration, () => [config]);
  const plain = ({ mediaType, digest, size }: Descriptor) => ({ mediaType, digest, size });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: plain(configuration),
      layers: layers.map(plain),
    }),
  );
  const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
  const target = { mediaType: manifestType, digest, size: manifest.length, annotations: {} };
  const labels = manifestLabels(
    id,
    layers.map((layer) => layer.digest),
  );
  await writer.write(target, () => [manifest], labels);
  return target;
}

/** Reads what `docker save` gives; writes the missing layers and gives the configuration. */
async function readArchive(
  docker: DockerClient,
  id: string,
  missing: Set<string>,
  writer: BlobWriter,
  there: Map<string, Descriptor>,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "podwright-sync-"));
  const archive = await saveImage(docker, id, signal);
  let config: Buffer | undefined;
  try {
    const entries = archive.pipe(extract());
    archive.once("error", (error) => entries.destroy(error));
    for await (const entry of entries) {
      const { name, size = 0, type } = entry.header;
      if (type !== "file") {
        entry.resume();
        continue;
      }
      if (
        config === undefined &&
        size <= longestConfig &&
        (name === `${id.slice(7)}.json` || name.endsWith(`/${id.slice(7)}`))
      ) {
        config = await buffer(entry);
      } else if (missing.size > 0 && isLayer(name)) {
        await takeLayer(entry as AsyncIterable<Buffer>, join(folder, "layer"), size, missing, writer, there);
      } else entry.resume();
      if (config !== undefined && missing.size === 0) break;
    }
  } finally {
    archive.destroy();
    await rm(folder, { recursive: true, force: true });
  }
  if (config === undefined || missing.size > 0) throw new Error(`what docker gave of ${id} is not complete`);
  return config;
}

/** Of old archives a folder for each layer, of new ones blobs by digest. */
function isLayer(name: string): boolean {
  return name.endsWith("/layer.tar") || name.startsWith("blobs/sha256/");
}

/** What it is shows when it was read: it waits in a file until then. */
async function takeLayer(
  entry: AsyncIterable<Buffer>,
  file: string,
  size: number,
  missing: Set<string>,
  writer: BlobWriter,
  there: Map<string, Descriptor>,
): Promise<void> {
  const hash = createHash("sha256");
  const hashed = async function* () {
    for await (const part of entry) {
      hash.update(part);
      yield part;
    }
  };
  await pipeline(hashed, createWriteStream(file));
  const digest = `sha256:${hash.digest("hex")}`;
  if (!missing.has(digest)) return;
  const layer = { mediaType: plainLayer, digest, size, annotations: {} };
  await writer.write(layer, () => createReadStream(file, { highWaterMark: 1 << 20 }), {
    "containerd.io/uncompressed": digest,
  });
  missing.delete(digest);
  there.set(digest, layer);
}
