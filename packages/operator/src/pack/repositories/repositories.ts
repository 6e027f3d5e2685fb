import { join } from "node:path";
import type { PartContext } from "../../part.ts";
import { ChartCache } from "../charts/chart-cache.ts";
import { ChartError, type ChartSource, type ResolvedChart } from "../charts/chart-source.ts";
import { parseRange, VersionChoices } from "../charts/version-range.ts";
import type { Pack } from "../pack.ts";
import type { FoundChart } from "./backend.ts";
import { Backends } from "./backends.ts";
import { RepositoryController } from "./repository-controller.ts";
import { RepositoryObjects } from "./repository-objects.ts";

/** All repositories of a cluster: where charts come from. */
export interface Repositories {
  /** Works in every replica. */
  source: ChartSource;
  /** Starts to fetch at intervals and to write status. */
  lead(): Promise<{ stop(): Promise<void> }>;
  close(): void;
}

export interface RepositoriesOptions {
  /** Where charts and indexes are kept; made when first needed. */
  cacheDir: string;
  /** The folders that file:// repositories may be in; without them any, for ClusterPackRepositories alone. */
  chartFolders?: readonly string[] | undefined;
}

/** Asks the context for informers; starts nothing. */
export function createRepositories(context: PartContext, options: RepositoriesOptions): Repositories {
  const objects = new RepositoryObjects(context);
  const handlers = new Set<(key: string) => void>();
  const notify = (key: string) => {
    for (const handler of handlers) handler(key);
  };
  const cache = new ChartCache(join(options.cacheDir, "charts"));
  const { client, clock } = context;
  const choices = new VersionChoices();
  const backends = new Backends({ client, clock, cache, ...options }, notify);
  const controller = new RepositoryController({ client, clock, logger: context.logger, objects, backends });

  const ends = [
    objects.onChange((key, object, old) => {
      const same =
        object !== undefined &&
        old !== undefined &&
        object.metadata.uid === old.metadata.uid &&
        object.metadata.generation === old.metadata.generation;
      if (object === undefined) {
        backends.forget(key).catch((error: Error) => {
          context.logger.warn("an index cannot be removed", { repository: key, error: error.message });
        });
      } else if (!same) backends.drop(key);
      const annotations = JSON.stringify(object?.metadata.annotations) !== JSON.stringify(old?.metadata.annotations);
      if (same && !annotations) return;
      controller.enqueue(key);
      notify(key);
    }),
    context.content.onChange(({ kind, namespace, name, entry, old }) => {
      if (kind !== "Secret" || entry?.hash === old?.hash) return;
      for (const key of backends.dropBySecret(`${namespace}/${name}`)) {
        controller.enqueue(key);
        notify(key);
      }
      controller.secretChanged(namespace, name);
    }),
  ];

  return {
    source: {
      resolve: (pack) => resolve(pack, objects, backends, choices),
      cached: (pack) => cached(pack, objects, backends),
      repositoryOf: (pack) => objects.keyFor(pack),
      onChange(handler) {
        handlers.add(handler);
        return () => handlers.delete(handler);
      },
    },
    lead: () => controller.lead(),
    close() {
      for (const end of ends) end();
      handlers.clear();
      backends.close();
    },
  };
}

async function resolve(
  pack: Pack,
  objects: RepositoryObjects,
  backends: Backends,
  choices: VersionChoices,
): Promise<ResolvedChart> {
  const { name, version } = pack.spec.chart;
  const { key, object, where } = repositoryFor(pack, objects);
  const { backend } = await backends.fresh(key, object);
  const versions = await backend.versions(name);
  if (versions.length === 0) throw new ChartError("ChartNotFound", notFound(name, where, backend.chartNames()), true);
  const found = await backend.fetch(name, await choices.choose(name, version, versions, where));
  return resolved(pack, found, object.spec.url, key);
}

async function cached(pack: Pack, objects: RepositoryObjects, backends: Backends): Promise<ResolvedChart | undefined> {
  const key = objects.keyFor(pack);
  const object = key === undefined ? undefined : objects.get(key);
  const backend = key === undefined ? undefined : backends.peek(key)?.backend;
  if (key === undefined || object === undefined || backend === undefined) return undefined;
  const { name, version } = pack.spec.chart;
  const chosen = (await parseRange(version)).newest(backend.knownVersions(name) ?? []);
  const found = chosen === undefined ? undefined : backend.peek(name, chosen);
  return found === undefined ? undefined : resolved(pack, found, object.spec.url, key);
}

function repositoryFor(pack: Pack, objects: RepositoryObjects) {
  const key = objects.keyFor(pack);
  if (key === undefined) {
    throw new ChartError(
      "RepositoryNotFound",
      'the Pack names no repository, and no ClusterPackRepository has the annotation podwright.dev/default: "true"',
      false,
    );
  }
  const [kind, namespace, name] = key.split("/") as [string, string, string];
  const where = `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;
  const given = pack.spec.chart.repository?.namespace;
  if (kind === "PackRepository" && given !== undefined && given !== pack.metadata.namespace) {
    throw new ChartError("RepositoryNotFound", `a Pack may not use the PackRepository of another namespace`, false);
  }
  const object = objects.get(key);
  if (object === undefined) throw new ChartError("RepositoryNotFound", `there is no ${where}`, false);
  return { key, object, where };
}

function resolved(pack: Pack, { digest, path, content }: FoundChart, url: string, key: string): ResolvedChart {
  if (content.name !== pack.spec.chart.name) {
    throw new ChartError(
      "InvalidChart",
      `${path}: the chart "${content.name}" is in it, not "${pack.spec.chart.name}"`,
      true,
    );
  }
  const [kind, namespace, name] = key.split("/") as [string, string, string];
  return { ...content, digest, path, repository: { kind, name, url, ...(namespace === "" ? {} : { namespace }) } };
}

function notFound(chart: string, where: string, names: readonly string[]): string {
  if (names.length === 0) return `${where} has no chart "${chart}"`;
  const shown = names.slice(0, 10).join(", ") + (names.length > 10 ? `, … (${names.length} in all)` : "");
  return `${where} has no chart "${chart}"; there are ${shown}`;
}
