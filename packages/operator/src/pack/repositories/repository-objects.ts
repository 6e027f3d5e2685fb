import { type ChangeHandler, clusterPackRepositories, type Informer, packRepositories } from "@podwright/client";
import type { PartContext } from "../../part.ts";
import {
  type ClusterPackRepository,
  defaultRepositoryKey,
  type Pack,
  type PackRepository,
  type RepositoryReference,
} from "../pack.ts";

export type RepositoryObject = PackRepository | ClusterPackRepository;
export type RepositoryKind = RepositoryReference["kind"];

/** "KIND/NAMESPACE/NAME", the namespace "" for cluster ones. */
export function repositoryKey(kind: string, namespace: string | undefined, name: string): string {
  return `${kind}/${kind === "ClusterPackRepository" ? "" : (namespace ?? "")}/${name}`;
}

/** The repositories of the cluster, as informers know them. */
export class RepositoryObjects {
  readonly #namespaced: Informer<PackRepository>;
  readonly #cluster: Informer<ClusterPackRepository>;

  constructor({ informers }: Pick<PartContext, "informers">) {
    this.#namespaced = informers.for<PackRepository>(packRepositories);
    this.#cluster = informers.for<ClusterPackRepository>(clusterPackRepositories);
  }

  get(key: string): RepositoryObject | undefined {
    const [kind, namespace, name] = key.split("/") as [RepositoryKind, string, string];
    return kind === "PackRepository" ? this.#namespaced.get(name, namespace) : this.#cluster.get(name);
  }

  /** The key of the repository a Pack names, or of the default one; undefined where it names none and there is none. */
  keyFor({ metadata, spec }: Pack): string | undefined {
    const { repository } = spec.chart;
    if (repository === undefined) {
      const name = this.#default()?.metadata.name;
      return name === undefined ? undefined : repositoryKey("ClusterPackRepository", undefined, name);
    }
    return repositoryKey(repository.kind ?? "ClusterPackRepository", metadata.namespace, repository.name);
  }

  /** Of several default ones the newest, as with StorageClasses. */
  #default(): ClusterPackRepository | undefined {
    let newest: ClusterPackRepository | undefined;
    for (const repository of this.#cluster.list()) {
      if (repository.metadata.annotations?.[defaultRepositoryKey] !== "true") continue;
      const age = (object: ClusterPackRepository) => `${object.metadata.creationTimestamp} ${object.metadata.name}`;
      if (newest === undefined || age(repository) > age(newest)) newest = repository;
    }
    return newest;
  }

  /** Told of each, with its key. Gives a function that ends it. */
  onChange(
    handler: (key: string, object: RepositoryObject | undefined, old: RepositoryObject | undefined) => void,
  ): () => void {
    const handlers = (kind: RepositoryKind): ChangeHandler<RepositoryObject> => {
      const keyOf = ({ metadata }: RepositoryObject) =>
        repositoryKey(kind, metadata.namespace, metadata.name as string);
      return {
        added: (object) => handler(keyOf(object), object, undefined),
        updated: (object, old) => handler(keyOf(object), object, old),
        deleted: (old) => handler(keyOf(old), undefined, old),
      };
    };
    const ends = [
      this.#namespaced.onChange(handlers("PackRepository")),
      this.#cluster.onChange(handlers("ClusterPackRepository")),
    ];
    return () => {
      for (const end of ends) end();
    };
  }
}
