import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Daemon, startDaemon } from "@podwright/containerd/testing/daemon";
import { freePort } from "@podwright/containerd/testing/free-port";
import { type ImageDescription, imageParts } from "./images.ts";

/** Debian's docker-registry on loopback. */
export interface Registry extends Pick<Daemon, "stop"> {
  /** "127.0.0.1:40123". */
  host: string;
}

/** What a registry with a password asks for. */
export const registryUser = { username: "me", password: "secret" };
const hashed = "me:$2b$04$KZKhExKqxnjsfdLMeMcQrOLN3Xy9/vM/rErfiesUCp8jygfQmVGru\n";

/** Starts a registry that keeps its images in folder/registry: several may have the same, with and without a password. */
export async function startRegistry(options: { folder: string; password?: boolean }): Promise<Registry> {
  const { folder, password = false } = options;
  const port = await freePort();
  const name = join(folder, `registry-${port}`);
  await mkdir(join(folder, "registry"), { recursive: true });
  await writeFile(`${name}.htpasswd`, hashed);
  await writeFile(
    `${name}.yml`,
    JSON.stringify({
      version: 0.1,
      storage: { filesystem: { rootdirectory: join(folder, "registry") } },
      http: { addr: `127.0.0.1:${port}` },
      ...(password && { auth: { htpasswd: { realm: "test", path: `${name}.htpasswd` } } }),
    }),
  );
  const daemon = await startDaemon({
    command: "docker-registry",
    args: ["serve", `${name}.yml`],
    folder,
    log: `${name}.log`,
    ready: () => fetch(`http://127.0.0.1:${port}/v2/`),
  });
  return { host: `127.0.0.1:${port}`, stop: () => daemon.stop() };
}

/** Puts an image of busybox-static into a registry without a password; its name there is "repository:tag". */
export async function pushImage(host: string, { name, ...image }: ImageDescription): Promise<void> {
  const [repository, tag] = name.split(":") as [string, string];
  const { config, layers } = await imageParts({ name, ...image });
  const described = async (mediaType: string, data: Buffer) => {
    const digest = `sha256:${createHash("sha256").update(data).digest("hex")}`;
    await upload(`http://${host}/v2/${repository}/blobs/uploads/`, digest, data);
    return { mediaType, digest, size: data.length };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: await described("application/vnd.oci.image.config.v1+json", config),
    layers: await Promise.all(layers.map((layer) => described("application/vnd.oci.image.layer.v1.tar", layer))),
  };
  await put(`http://${host}/v2/${repository}/manifests/${tag}`, manifest.mediaType, JSON.stringify(manifest));
}

async function upload(uploads: string, digest: string, data: Buffer): Promise<void> {
  const begun = await fetch(uploads, { method: "POST" });
  const url = new URL(begun.headers.get("location") ?? "", uploads);
  url.searchParams.set("digest", digest);
  await put(url.href, "application/octet-stream", new Uint8Array(data));
}

async function put(url: string, type: string, body: string | Uint8Array<ArrayBuffer>): Promise<void> {
  const stored = await fetch(url, { method: "PUT", headers: { "content-type": type }, body });
  if (!stored.ok) throw new Error(`the registry answered ${stored.status}: ${await stored.text()}`);
}
