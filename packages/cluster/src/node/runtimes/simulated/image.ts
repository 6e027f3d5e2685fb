import { createHash } from "node:crypto";
import type { Image } from "../../runtime.ts";

/** An image that could have that name: the same one for the same name. */
export function simulatedImage(reference: string): Image {
  const digest = createHash("sha256").update(reference).digest("hex");
  const repository = reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  const first = repository.split("/")[0] ?? "";
  const isHost = repository.includes("/") && /[.:]|^localhost$/.test(first);
  const path = isHost ? repository : `docker.io/${repository.includes("/") ? "" : "library/"}${repository}`;
  return {
    id: `${path}@sha256:${digest}`,
    sizeBytes: 1_000_000 + (Number.parseInt(digest.slice(0, 6), 16) % 99_000_000),
  };
}
