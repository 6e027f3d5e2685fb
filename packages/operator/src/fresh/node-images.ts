import type { KubeObject } from "@podwright/kube";
import type { SourceKind, TrackedImage } from "./image.ts";

/** The NodeImages object of an engine that serves all nodes of a cluster on this machine. */
export const localName = "this-machine";

/** Which images a node has: written by the image agent that runs there, read by the operator. */
export interface NodeImages extends KubeObject {
  status?: NodeImagesStatus;
}

export interface NodeImagesStatus {
  source: SourceKind;
  /** All nodes of the cluster share these images. */
  allNodes?: boolean;
  connected?: boolean;
  /** Events that a comparison found to be missing, since the agent started. */
  missedEvents?: number;
  images: ReportedImage[];
  /** More than are reported: the newest are. */
  omitted?: number;
}

/** A tracked image, with its times as texts. */
export interface ReportedImage {
  name: string;
  ids: string[];
  appearedAt: string;
  builtAt?: string;
  revision?: string;
  replacedIds?: string[];
  outside?: string;
}

// Together well below what etcd takes in one object.
const mostReported = 2_000;

export function toReported(images: readonly TrackedImage[]): Pick<NodeImagesStatus, "images" | "omitted"> {
  const newest = images.toSorted((a, b) => b.appearedAt - a.appearedAt).slice(0, mostReported);
  const omitted = images.length - newest.length;
  return {
    images: newest
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, ids, appearedAt, builtAt, revision, replacedIds, outside }) => ({
        name,
        ids: [...ids],
        appearedAt: new Date(appearedAt).toISOString(),
        ...(builtAt === undefined ? {} : { builtAt: new Date(builtAt).toISOString() }),
        ...(revision === undefined ? {} : { revision }),
        ...(replacedIds === undefined ? {} : { replacedIds: [...replacedIds] }),
        ...(outside === undefined ? {} : { outside }),
      })),
    ...(omitted > 0 ? { omitted } : {}),
  };
}

/** What cannot be read is left out: the object may be anybody's. */
export function fromReported(status: NodeImagesStatus | undefined): TrackedImage[] {
  return (status?.images ?? []).flatMap(({ name, ids, appearedAt, builtAt, revision, replacedIds, outside }) => {
    const appeared = Date.parse(appearedAt);
    if (Number.isNaN(appeared) || !Array.isArray(ids) || ids.length === 0) return [];
    const built = Date.parse(builtAt ?? "");
    return {
      name,
      ids,
      appearedAt: appeared,
      ...(Number.isNaN(built) ? {} : { builtAt: built }),
      ...(revision === undefined ? {} : { revision }),
      ...(replacedIds === undefined ? {} : { replacedIds }),
      ...(outside === undefined ? {} : { outside }),
    };
  });
}
