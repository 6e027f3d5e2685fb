import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDaemon } from "@podwright/containerd/testing/daemon";
import { freePort } from "@podwright/containerd/testing/free-port";
import { programsMissing } from "@podwright/containerd/testing/programs";
import { ociArchive } from "./oci-archive.ts";

const program = "docker-registry";

/** Why there can be no registry here, or undefined when there can. */
export function registryMissing(): string | undefined {
  return programsMissing(program);
}

/** Debian's docker-registry on loopback, storing in a temporary directory. */
export interface RegistryProcess {
  /** "127.0.0.1:40123" */
  host: string;
  /** Puts an image of one small file there. Gives the digest of its manifest. */
  push(repository: string, tag: string, content: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startRegistry(): Promise<RegistryProcess> {
  const folder = await mkdtemp(join(tmpdir(), "pwr-"));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, "config.yml");
  await writeFile(
    config,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${folder}/data}, delete: {enabled: true}}\nhttp: {addr: ${host}}\n`,
  );
  const daemon = await startDaemon({
    command: program,
    args: ["serve", config],
    folder,
    log: join(folder, "registry.log"),
    ready: () => fetch(`http://${host}/v2/`),
  });
  const upload = async (repository: string, digest: string, data: Buffer) => {
    const begun = await fetch(`http://${host}/v2/${repository}/blobs/uploads/`, { method: "POST" });
    const url = new URL(begun.headers.get("location") ?? "", `http://${host}`);
    url.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream" };
    const stored = await fetch(url, { method: "PUT", headers, body: new Uint8Array(data) });
    if (!stored.ok) throw new Error(`the registry answered ${stored.status}`);
  };
  return {
    host,
    async push(repository, tag, content) {
      const image = await ociArchive({ names: [], files: { content: { data: content } } });
      for (const { digest } of [image.layer, image.config]) {
        await upload(repository, digest, image.blobs.get(digest) as Buffer);
      }
      const stored = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, {
        method: "PUT",
        headers: { "content-type": image.manifest.mediaType },
        body: new Uint8Array(image.blobs.get(image.manifest.digest) as Buffer),
      });
      if (!stored.ok) throw new Error(`the registry answered ${stored.status}: ${await stored.text()}`);
      return image.manifest.digest;
    },
    async stop() {
      await daemon.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
