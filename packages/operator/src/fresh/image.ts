import type { Reference } from "./reference.ts";

/** What brings images to our attention. */
export type SourceKind = "docker" | "containerd" | "registry";

/** A name that a machine, or a registry, has for an image. */
export interface NamedImage {
  /** The whole name: "docker.io/library/app:1". */
  name: string;
  /** Digests that tell its content: of its configuration, its manifest, its index. The first stands for it in texts. */
  ids: readonly string[];
  /** When it was built, in milliseconds since 1970. Absent where the image does not say. */
  builtAt?: number;
  /** When it was given the name, in milliseconds since 1970, where the engine knows. */
  namedAt?: number;
  /** org.opencontainers.image.revision */
  revision?: string;
  /** It is where nodes do not look for it: in this namespace of containerd's. */
  outside?: string;
}

/** A named image as it was found on some machine. */
export interface TrackedImage extends NamedImage {
  /** When the name came to mean this content, in milliseconds since 1970. */
  appearedAt: number;
  /** What the name meant before. */
  replacedIds?: readonly string[];
}

/** An image that a workload could run. */
export interface Candidate {
  name: string;
  reference: Reference;
  ids: readonly string[];
  builtAt?: number;
  revision?: string;
  /** The earliest there is of it. */
  appearedAt: number;
  replacedIds?: readonly string[];
  source: SourceKind;
  /** The nodes that have it; undefined: all of them. */
  nodes?: ReadonlySet<string>;
  /** It is in its registry: nodes may pull it. */
  pullable?: boolean;
  /** See NamedImage. */
  outside?: string;
}

export function sameContent(a: readonly string[], b: readonly string[]): boolean {
  return a.some((id) => b.includes(id));
}

/** "sha256:0123456789ab", as docker shortens it. */
export function shortId(id: string): string {
  return id.slice(0, 19);
}
