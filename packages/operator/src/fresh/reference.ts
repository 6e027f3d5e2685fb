/** An image's name, taken apart: "registry:5000/team/app:1.2@sha256:…". */
export interface Reference {
  /** "docker.io" where the name has none. */
  registry: string;
  /** "library/busybox" */
  repository: string;
  /** "latest" where there is neither tag nor digest. */
  tag?: string;
  /** "sha256:…" */
  digest?: string;
}

/** The text is no name of an image. */
export class ImageNameError extends Error {
  constructor(text: string, why: string) {
    super(`${JSON.stringify(text.slice(0, 300))} is no image: ${why}`);
    this.name = "ImageNameError";
  }
}

// The grammar of github.com/distribution/reference, piece by piece: none of these can backtrack for long.
const hostPattern =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;
const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestPattern = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const longestName = 255;

/** Reads an image's name as docker and the kubelet do. Throws ImageNameError. */
export function parseReference(text: string): Reference {
  if (text.length > 2 * longestName + 128) throw new ImageNameError(text, "it is too long");
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !digestPattern.test(digest)) throw new ImageNameError(text, "its digest is malformed");
  const { name, tag } = splitTag(at < 0 ? text : text.slice(0, at));
  if (tag !== undefined && !tagPattern.test(tag)) throw new ImageNameError(text, "its tag is malformed");
  const { registry, repository } = splitRegistry(name);
  if (!hostPattern.test(registry)) throw new ImageNameError(text, "its registry is malformed");
  if (repository.length > longestName) throw new ImageNameError(text, "it is too long");
  if (repository === "" || !repository.split("/").every((part) => pathPattern.test(part))) {
    throw new ImageNameError(text, "its repository must be lower-case letters, digits and . _ - between slashes");
  }
  const tagged = tag ?? (digest === undefined ? "latest" : undefined);
  return {
    registry,
    repository,
    ...(tagged === undefined ? {} : { tag: tagged }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** As parseReference; undefined for what is none. */
export function tryReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof ImageNameError) return undefined;
    throw error;
  }
}

/** What names of the same repository have in common: "docker.io/library/busybox". */
export function repositoryOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

/** The whole name, the same for all ways to write it. */
export function formatReference(reference: Reference): string {
  const { tag, digest } = reference;
  return repositoryOf(reference) + (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

/** As docker shows it: without docker.io and library. */
export function familiarName(reference: Reference): string {
  return formatReference(reference).replace(/^docker\.io\/(library\/)?/, "");
}

/** The same image text with another tag, the rest as its writer wrote it. */
export function withTag(text: string, tag: string): string {
  const at = text.indexOf("@");
  return `${splitTag(at < 0 ? text : text.slice(0, at)).name}:${tag}`;
}

/** The digest in a container's imageID: "docker-pullable://app@sha256:…", "docker://sha256:…", "app@sha256:…". */
export function digestOfImageId(imageId: string): string | undefined {
  return /sha256:[0-9a-f]{64}$/.exec(imageId)?.[0];
}

function splitTag(text: string): { name: string; tag?: string } {
  const colon = text.lastIndexOf(":");
  return colon > text.lastIndexOf("/") ? { name: text.slice(0, colon), tag: text.slice(colon + 1) } : { name: text };
}

/** The first part is a registry when it looks like a host: with a dot, a port, or "localhost". */
function splitRegistry(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  if (!/[.:]/.test(first) && first !== "localhost" && first === first.toLowerCase()) {
    return { registry: "docker.io", repository: slash < 0 ? `library/${name}` : name };
  }
  const rest = name.slice(slash + 1);
  if (first !== "docker.io" && first !== "index.docker.io") return { registry: first, repository: rest };
  return { registry: "docker.io", repository: rest.includes("/") ? rest : `library/${rest}` };
}
