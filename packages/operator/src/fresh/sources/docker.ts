import {
  DockerClient,
  type DockerEvent,
  dockerAddress,
  type ImageInspection,
  type ImageSummary,
  inspectImage,
  listImages,
  watchEvents,
} from "@podwright/docker";
import type { NamedImage } from "../image.ts";
import { formatReference, tryReference } from "../reference.ts";
import type { ImageEngine } from "./engine.ts";

const revisionLabel = "org.opencontainers.image.revision";

/** The images of a docker daemon. */
export function dockerEngine(docker: DockerClient = new DockerClient(dockerAddress())): ImageEngine {
  return {
    kind: "docker",
    list: async (signal) => (await listImages(docker, signal)).flatMap(fromSummary),
    async find(key, signal) {
      const image = await inspectImage(docker, key, signal);
      return image === undefined ? [] : fromInspection(image);
    },
    watch({ onConnected, onHint, onLost }) {
      return watchEvents({
        docker,
        filters: { type: ["image"] },
        onConnected,
        onLost,
        onEvent(event) {
          const key = keyOf(event);
          if (key !== "") onHint(key === undefined ? {} : { key });
        },
      });
    },
    close: () => docker.close(),
  };
}

/** What an event is about; undefined: anything; "": nothing of interest. */
function keyOf({ Action, Actor }: DockerEvent): string | undefined {
  switch (Action) {
    case "tag":
    case "load":
    case "pull":
    case "import":
      return Actor.ID;
    case "save":
    case "push":
      return "";
    // "untag" and "delete" do not say the name that is gone.
    default:
      return undefined;
  }
}

function fromSummary({ Id, RepoTags, RepoDigests, Created, Labels }: ImageSummary): NamedImage[] {
  return named(RepoTags, Id, RepoDigests, Created * 1000, Labels);
}

function fromInspection({ Id, RepoTags, RepoDigests, Created, Config, Metadata }: ImageInspection): NamedImage[] {
  // To the second, as the list has it.
  const builtAt = Math.floor(Date.parse(Created) / 1000) * 1000;
  const namedAt = Date.parse(Metadata?.LastTagTime ?? "");
  const images = named(RepoTags, Id, RepoDigests, builtAt, Config?.Labels ?? null);
  return namedAt > 0 ? images.map((image) => ({ ...image, namedAt })) : images;
}

function named(
  tags: string[] | null,
  id: string,
  digests: string[] | null,
  builtAt: number,
  labels: Record<string, string> | null,
): NamedImage[] {
  const revision = labels?.[revisionLabel];
  const manifests = (digests ?? [])
    .map((digest) => digest.slice(digest.indexOf("@") + 1))
    .filter((each) => each !== id);
  return (tags ?? []).flatMap((tag) => {
    const reference = tryReference(tag);
    if (reference === undefined || tag === "<none>:<none>") return [];
    return {
      name: formatReference(reference),
      ids: [...new Set([id, ...manifests])].sort((a, b) => (a === id ? -1 : b === id ? 1 : a < b ? -1 : 1)),
      ...(builtAt > 0 ? { builtAt } : {}),
      ...(revision ? { revision } : {}),
    };
  });
}
