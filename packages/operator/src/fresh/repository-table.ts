import { repositoryOf, tryReference } from "./reference.ts";

/** Which workloads use images of which repository. */
export class RepositoryTable {
  readonly #workloads = new Map<string, Set<string>>();
  readonly #repositories = new Map<string, readonly string[]>();

  /** Enters the images of a workload, in place of those it had; none takes it out. */
  set(workload: string, images: readonly string[]): void {
    for (const repository of this.#repositories.get(workload) ?? []) {
      const workloads = this.#workloads.get(repository);
      workloads?.delete(workload);
      if (workloads?.size === 0) this.#workloads.delete(repository);
    }
    const repositories = [...new Set(images.flatMap((image) => repositoryOfImage(image) ?? []))];
    if (repositories.length === 0) this.#repositories.delete(workload);
    else this.#repositories.set(workload, repositories);
    for (const repository of repositories) {
      const workloads = this.#workloads.get(repository);
      if (workloads === undefined) this.#workloads.set(repository, new Set([workload]));
      else workloads.add(workload);
    }
  }

  workloadsOf(repository: string): Iterable<string> {
    return this.#workloads.get(repository) ?? [];
  }

  repositoriesOf(workload: string): readonly string[] {
    return this.#repositories.get(workload) ?? [];
  }
}

export function repositoryOfImage(image: string): string | undefined {
  const reference = tryReference(image);
  return reference === undefined ? undefined : repositoryOf(reference);
}
