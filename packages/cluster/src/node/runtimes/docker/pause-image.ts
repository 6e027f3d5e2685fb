import { createHash } from "node:crypto";
import { type DockerClient, inspectImage, loadImage } from "@podwright/docker";
import { pauseProgram } from "./pause-program.ts";

/** Made here and loaded where it is missing: no registry is needed for it. */
export const pauseImage = "podwright/pause:1";

/** Sees to it that the daemon has the image. `architecture` as the daemon names its own. */
export async function ensurePauseImage(docker: DockerClient, architecture: string): Promise<void> {
  if ((await inspectImage(docker, pauseImage)) === undefined) {
    await loadImage(docker, pauseImageArchive(architecture));
  }
}

/** The image as `docker save` would write it: one layer with the one file /pause. */
export function pauseImageArchive(architecture: string): Buffer {
  const layer = tar([{ name: "pause", mode: 0o755, content: pauseProgram(architecture) }]);
  const isArm = architecture === "aarch64" || architecture === "arm64";
  const config = JSON.stringify({
    architecture: isArm ? "arm64" : "amd64",
    os: "linux",
    created: "2000-01-01T00:00:00Z",
    config: { Entrypoint: ["/pause"], Labels: { "podwright.dev/pause": "1" } },
    rootfs: { type: "layers", diff_ids: [`sha256:${createHash("sha256").update(layer).digest("hex")}`] },
    history: [{ created: "2000-01-01T00:00:00Z", created_by: "podwright" }],
  });
  const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
  return tar([
    { name: "layer.tar", mode: 0o644, content: layer },
    { name: configName, mode: 0o644, content: Buffer.from(config) },
    {
      name: "manifest.json",
      mode: 0o644,
      content: Buffer.from(JSON.stringify([{ Config: configName, RepoTags: [pauseImage], Layers: ["layer.tar"] }])),
    },
  ]);
}

/** A tar archive (ustar) of plain files that belong to root. */
function tar(files: readonly { name: string; mode: number; content: Buffer }[]): Buffer {
  const blocks = files.flatMap(({ name, mode, content }) => {
    const header = Buffer.alloc(512);
    const octal = (value: number, at: number, digits: number): void => {
      header.write(`${value.toString(8).padStart(digits, "0")}\0`, at);
    };
    header.write(name, 0);
    octal(mode, 100, 7);
    octal(0, 108, 7);
    octal(0, 116, 7);
    octal(content.length, 124, 11);
    octal(0, 136, 11);
    header.write("        0", 148); // the checksum counts as blanks; a plain file
    header.write("ustar\x0000", 257);
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      148,
      6,
    );
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}
