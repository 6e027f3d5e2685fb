import { splitReference } from "@podwright/docker";

const dockerHub = "docker.io";

/** "busybox" → "docker.io/library/busybox": a repository's name with everything that may be left out. */
export function normalizeRepository(repository: string): string {
  const [first = "", ...rest] = repository.split("/");
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  if (!hasHost) return `${dockerHub}/${rest.length === 0 ? "library/" : ""}${repository}`;
  if (first === dockerHub || first === "index.docker.io") {
    return `${dockerHub}/${rest.length === 1 ? "library/" : ""}${rest.join("/")}`;
  }
  return repository;
}

/** "busybox" → "docker.io/library/busybox:latest"; "name@sha256:…" keeps its digest. */
export function normalizeReference(reference: string): string {
  const { repository, tag } = splitReference(reference);
  return `${normalizeRepository(repository)}${tag.includes(":") ? "@" : ":"}${tag}`;
}

/** The registry's host, as login credentials name it. */
export function registryOf(reference: string): string {
  return normalizeRepository(splitReference(reference).repository).split("/")[0] ?? dockerHub;
}

/** What containerStatuses[].imageID is: the digest in its registry, else the configuration's ("sha256:…"). */
export function imageIdOf(reference: string, image: { Id: string; RepoDigests: readonly string[] | null }): string {
  const wanted = /^(sha256:)?[0-9a-f]{12,64}$/.test(reference)
    ? undefined
    : normalizeRepository(splitReference(reference).repository);
  const digests = (image.RepoDigests ?? []).filter((digest) => !digest.startsWith("<none>")).map(normalizeReference);
  return digests.find((digest) => digest.startsWith(`${wanted}@`)) ?? digests[0] ?? image.Id;
}
