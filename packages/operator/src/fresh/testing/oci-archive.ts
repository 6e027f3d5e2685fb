import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";

/** A file of an image's only layer: its content, or what it links to. */
export type LayerFile = { data: Buffer | string; mode?: number } | { link: string };

export interface ArchiveImage {
  /** The names that it gets: "docker.io/library/app:1". */
  names: readonly string[];
  files: Readonly<Record<string, LayerFile>>;
  cmd?: readonly string[];
  /** ISO 8601; when it says it was built. */
  created?: string;
  labels?: Readonly<Record<string, string>>;
}

interface Blob {
  mediaType: string;
  digest: string;
  size: number;
}

/** An OCI archive as `ctr images import` and `docker load` (from 25 on) take it. Gives the configuration's digest too. */
export async function ociArchive({ names, files, cmd, created, labels }: ArchiveImage) {
  const blobs = new Map<string, Buffer>();
  const put = (mediaType: string, data: Buffer): Blob => {
    const digest = `sha256:${createHash("sha256").update(data).digest("hex")}`;
    blobs.set(digest, data);
    return { mediaType, digest, size: data.length };
  };
  const layer = put("application/vnd.oci.image.layer.v1.tar", await layerOf(files));
  const config = put(
    "application/vnd.oci.image.config.v1+json",
    Buffer.from(
      JSON.stringify({
        architecture: process.arch === "arm64" ? "arm64" : "amd64",
        os: "linux",
        ...(created === undefined ? {} : { created }),
        config: { Cmd: cmd ?? ["/bin/sh"], Env: ["PATH=/bin"], ...(labels === undefined ? {} : { Labels: labels }) },
        rootfs: { type: "layers", diff_ids: [layer.digest] },
      }),
    ),
  );
  const manifest = put(
    "application/vnd.oci.image.manifest.v1+json",
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config,
        layers: [layer],
      }),
    ),
  );
  const manifests = names.map((name) => ({ ...manifest, annotations: { "io.containerd.image.name": name } }));
  const archive = pack();
  archive.entry({ name: "oci-layout" }, '{"imageLayoutVersion":"1.0.0"}');
  archive.entry({ name: "index.json" }, JSON.stringify({ schemaVersion: 2, manifests }));
  for (const [digest, data] of blobs) archive.entry({ name: `blobs/sha256/${digest.slice(7)}` }, data);
  archive.finalize();
  return { archive: await buffer(archive), id: config.digest, digest: manifest.digest, blobs, manifest, config, layer };
}

async function layerOf(files: ArchiveImage["files"]): Promise<Buffer> {
  const layer = pack();
  const mtime = new Date(0);
  for (const [name, file] of Object.entries(files)) {
    if ("link" in file) layer.entry({ name, type: "symlink", linkname: file.link, mtime });
    else layer.entry({ name, mode: file.mode ?? 0o755, mtime }, file.data as Buffer);
  }
  layer.finalize();
  return buffer(layer);
}
