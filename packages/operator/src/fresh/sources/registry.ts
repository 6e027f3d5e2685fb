import { type Client, type Clock, type Logger, WorkQueue } from "@podwright/client";
import { messageOf } from "@podwright/kube";
import type { ImageCatalog, View } from "../catalog.ts";
import type { TrackedImage } from "../image.ts";
import { allowsTag, type Policy } from "../policy.ts";
import { formatReference, repositoryOf, tryReference } from "../reference.ts";
import { versionOfTag } from "../version.ts";
import type { Workload } from "../workload.ts";
import { findLogin } from "./pull-secrets.ts";
import { RegistryClient, RegistryError, type RegistryLogin } from "./registry-client.ts";

export interface RegistrySourceOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  catalog: ImageCatalog;
  /** The workloads that are kept fresh, with their policies. */
  wishes: () => Iterable<{ workload: Workload; policy: Policy }>;
  /** Told whenever they may be others. Gives a function that ends it. */
  onWishes: (handler: () => void) => () => void;
  /** Default 1 min. */
  pollEveryMs?: number;
}

/** What is asked of a repository, and what was answered. */
interface Interest {
  registry: string;
  repository: string;
  tags: Set<string>;
  policies: Policy[];
  /** One of those who ask: its pull secrets are taken. */
  workload: Workload;
}

interface Memory {
  etags: Map<string, string>;
  images: Map<string, TrackedImage>;
  /** All tags at the last look; undefined before the first. */
  known: Set<string> | undefined;
  failures: number;
  error?: string;
  client?: { login: string; client: RegistryClient };
}

const viewName = "registry";
const view: View = { source: "registry", pullable: true };
// Of one repository; more new ones in one round are taken in the next.
const mostTracked = 50;
const mostBackoffMs = 3_600_000;

/** Asks the registries of all images in use, one repository at a time, for digests and new tags. */
export function startRegistrySource(options: RegistrySourceOptions): { stop(): Promise<void> } {
  const { client, clock, logger, catalog, wishes, onWishes, pollEveryMs = 60_000 } = options;
  const memories = new Map<string, Memory>();
  /** By registry: when it may be asked again. */
  const notBefore = new Map<string, number>();

  const look = async (key: string): Promise<{ requeueAfterMs: number } | undefined> => {
    const interest = interestsOf(wishes()).get(key);
    if (interest === undefined) {
      forget(key);
      return undefined;
    }
    const memory: Memory = memories.get(key) ?? { etags: new Map(), images: new Map(), known: undefined, failures: 0 };
    memories.set(key, memory);
    const waitMs = (notBefore.get(interest.registry) ?? 0) - clock.now();
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    try {
      const login = await findLogin(client, interest.workload, interest.registry);
      await ask(interest, memory, clientOf(memory, interest.registry, login));
      memory.failures = 0;
      delete memory.error;
      return { requeueAfterMs: pollEveryMs };
    } catch (error) {
      memory.failures++;
      const backoffMs = Math.min(mostBackoffMs, pollEveryMs * 2 ** Math.min(memory.failures, 12));
      // A registry that wants to be left alone is left alone, by all.
      if (error instanceof RegistryError && error.status === 429) {
        notBefore.set(interest.registry, clock.now() + (error.retryAfterMs ?? backoffMs));
      }
      const message = messageOf(error);
      if (memory.error !== message) logger.warn("a registry could not be asked", { repository: key, error: message });
      memory.error = message;
      return { requeueAfterMs: Math.max(backoffMs, (notBefore.get(interest.registry) ?? 0) - clock.now()) };
    }
  };

  const ask = async (
    { repository, registry, tags, policies }: Interest,
    memory: Memory,
    registryClient: RegistryClient,
  ) => {
    const first = memory.known === undefined;
    const wanted = new Set(tags);
    const known = [...memory.etags.keys()].slice(-mostTracked);
    for (const tag of known) wanted.add(tag);
    if (policies.length > 0) {
      const all = await registryClient.tags(repository);
      const before = memory.known;
      const fresh = before === undefined ? [] : all.filter((tag) => !before.has(tag) && allowed(policies, tag));
      const taken = fresh.slice(0, mostTracked);
      for (const tag of [...taken, ...highestOf(policies, all)]) wanted.add(tag);
      memory.known = new Set(all.filter((tag) => !fresh.includes(tag) || taken.includes(tag)));
    } else memory.known = new Set();
    const changed: TrackedImage[] = [];
    const gone: string[] = [];
    for (const tag of wanted) {
      const name = formatReference({ registry, repository, tag });
      const answer = await registryClient.head(repository, tag, memory.etags.get(tag));
      if (answer === "unchanged") continue;
      if (answer === undefined) {
        memory.etags.delete(tag);
        if (memory.images.delete(name)) gone.push(name);
        continue;
      }
      memory.etags.set(tag, answer.etag ?? "");
      if (answer.etag === undefined) memory.etags.delete(tag);
      const old = memory.images.get(name);
      if (old?.ids[0] === answer.digest) continue;
      const image: TrackedImage = {
        name,
        ids: [answer.digest],
        appearedAt: first ? 0 : clock.now(),
        ...(old === undefined ? {} : { replacedIds: old.ids }),
      };
      memory.images.set(name, image);
      changed.push(image);
    }
    if (changed.length + gone.length > 0) catalog.change(viewName, view, changed, gone);
  };

  const forget = (key: string) => {
    const names = [...(memories.get(key)?.images.keys() ?? [])];
    memories.delete(key);
    if (names.length > 0) catalog.change(viewName, view, [], names);
  };

  const queue = new WorkQueue({ reconcile: look, concurrency: 4, clock, maxBackoffMs: pollEveryMs });
  // Those that nobody asked for yet; the others have their time.
  const leave = onWishes(() => {
    for (const key of interestsOf(wishes()).keys()) if (!memories.has(key)) queue.add(key);
  });
  queue.start();
  return {
    async stop() {
      leave();
      await queue.stop();
      catalog.drop(viewName);
    },
  };
}

function interestsOf(wishes: Iterable<{ workload: Workload; policy: Policy }>): Map<string, Interest> {
  const interests = new Map<string, Interest>();
  for (const { workload, policy } of wishes) {
    if (policy.kind === "off") continue;
    for (const { image } of workload.containers) {
      const reference = tryReference(image);
      if (reference?.tag === undefined || reference.digest !== undefined) continue;
      const key = repositoryOf(reference);
      const interest = interests.get(key) ?? { ...reference, tags: new Set<string>(), policies: [], workload };
      interests.set(key, interest);
      interest.tags.add(reference.tag);
      if (policy.kind !== "same-tag") interest.policies.push(policy);
      if (workload.pullSecrets.length > interest.workload.pullSecrets.length) interest.workload = workload;
    }
  }
  return interests;
}

function allowed(policies: readonly Policy[], tag: string): boolean {
  return policies.some((policy) => allowsTag(policy, tag));
}

/** For each range of versions the highest tag in it. */
function highestOf(policies: readonly Policy[], tags: readonly string[]): string[] {
  return policies.flatMap((policy) => {
    if (policy.kind !== "semver") return [];
    const versions = tags.flatMap((tag) => {
      const version = versionOfTag(tag);
      return version !== undefined && policy.range.test(version) ? { tag, version } : [];
    });
    return versions.toSorted((a, b) => b.version.compare(a.version))[0]?.tag ?? [];
  });
}

function clientOf(memory: Memory, registry: string, login: RegistryLogin | undefined): RegistryClient {
  const key = login === undefined ? "" : `${login.username}\n${login.password}`;
  if (memory.client?.login !== key) memory.client = { login: key, client: new RegistryClient({ registry }, login) };
  return memory.client.client;
}
