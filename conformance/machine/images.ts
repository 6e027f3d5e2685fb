import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { pack as tar } from "tar-stream";

export interface ImageDescription {
  /** "docker.io/library/busybox:latest". */
  name: string;
  /** What a container of it runs. Default: sh. */
  command?: string[];
  entrypoint?: string[];
  env?: string[];
  user?: string;
  /** Beside busybox's: contents by path, without a leading slash. */
  files?: Record<string, string | Buffer>;
  labels?: Record<string, string>;
}

/**
 * An archive with images of busybox-static, as `docker load` and `ctr images import` read it. The same descriptions
 * give the same images.
 */
export async function imageArchive(...images: ImageDescription[]): Promise<Buffer> {
  const base = await busyboxLayer();
  const manifest: object[] = [];
  const entries = new Map<string, Buffer>([[`${sha256(base)}/layer.tar`, base]]);
  for (const image of images) {
    const { config, layers } = await imageParts(image, base);
    for (const layer of layers) entries.set(`${sha256(layer)}/layer.tar`, layer);
    const configName = `${sha256(config)}.json`;
    entries.set(configName, config);
    const paths = layers.map((layer) => `${sha256(layer)}/layer.tar`);
    manifest.push({ Config: configName, RepoTags: [image.name], Layers: paths });
  }
  entries.set("manifest.json", Buffer.from(JSON.stringify(manifest)));
  return layerArchive([...entries].map(([name, content]) => ({ name, content })));
}

/** What an image is made of: its configuration as JSON, and its layers as tar files. */
export async function imageParts(
  image: ImageDescription,
  base?: Buffer,
): Promise<{ config: Buffer; layers: Buffer[] }> {
  const layers = [base ?? (await busyboxLayer())];
  if (image.files !== undefined) layers.push(await layerOf(image.files));
  const config = {
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: {
      Cmd: image.command ?? ["sh"],
      Env: ["PATH=/bin", ...(image.env ?? [])],
      ...(image.entrypoint && { Entrypoint: image.entrypoint }),
      ...(image.user && { User: image.user }),
      ...(image.labels && { Labels: image.labels }),
    },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) },
  };
  return { config: Buffer.from(JSON.stringify(config)), layers };
}

export interface Entry {
  name: string;
  content?: string | Buffer;
  link?: string;
  mode?: number;
}

async function busyboxLayer(): Promise<Buffer> {
  const busybox = "/bin/busybox";
  const { stdout } = await promisify(execFile)(busybox, ["--list"]);
  const applets = stdout.split("\n").filter((name) => name !== "" && name !== "busybox");
  const folders = ["bin", "etc", "tmp", "usr", "usr/share", "var", "root", "home"];
  return layerArchive([
    ...folders.map((name) => ({ name: `${name}/`, mode: name === "tmp" ? 0o1777 : 0o755 })),
    { name: "bin/busybox", content: await readFile(busybox), mode: 0o755 },
    { name: "etc/passwd", content: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n" },
    { name: "etc/group", content: "root:x:0:\nnobody:x:65534:\n" },
    ...applets.map((name) => ({ name: `bin/${name}`, link: "busybox" })),
  ]);
}

function layerOf(files: Record<string, string | Buffer>): Promise<Buffer> {
  return layerArchive(Object.entries(files).map(([name, content]) => ({ name, content, mode: 0o755 })));
}

/** A tar file of these entries, always the same for the same. */
export async function layerArchive(entries: Entry[]): Promise<Buffer> {
  const pack = tar();
  const chunks: Buffer[] = [];
  const done = new Promise<void>((resolve, reject) => {
    pack.on("data", (chunk) => chunks.push(chunk as Buffer));
    pack.on("end", resolve);
    pack.on("error", reject);
  });
  for (const { name, content, link, mode = 0o644 } of entries) {
    const mtime = new Date(0);
    if (link !== undefined) pack.entry({ name, type: "symlink", linkname: link, mtime });
    else if (content === undefined) pack.entry({ name, type: "directory", mode, mtime });
    else pack.entry({ name, mode, mtime }, content);
  }
  pack.finalize();
  await done;
  return Buffer.concat(chunks);
}

function sha256(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
