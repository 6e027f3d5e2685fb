import type { Clock } from "@podwright/clock";
import { formatTime, type JsonValue, jsonEqual } from "@podwright/kube";
import type { Dial } from "../admission/webhooks/endpoint.ts";
import { createEndpointPool } from "../admission/webhooks/endpoint-pool.ts";
import { endpointResolver, type ServiceResolver } from "../admission/webhooks/service-resolver.ts";
import { parseStored } from "../output/response.ts";
import type { Resource, ResourceRegistry } from "../resources/resource.ts";
import type { Change, Storage, Write } from "../storage/storage.ts";
import { customResources } from "./custom-resource.ts";
import { type Definition, definitionsPrefix, isConditionTrue } from "./definition.ts";
import { desiredStatus } from "./definition-status.ts";
import { encodeDefinition } from "./encode-definition.ts";
import { createFinalizer } from "./finalizer.ts";
import { createWebhookConverter, type ObjectConverter } from "./webhook-converter.ts";

export interface CustomResourcesOptions {
  storage: Storage;
  registry: ResourceRegistry;
  clock: Clock;
  /** Where conversion webhooks given by Service are; by default one of the Service's ready endpoints, as stored. */
  resolveService?: ServiceResolver;
  /** How connections to conversion webhooks are opened; by default TCP. */
  dial?: Dial;
  /** Told when a status cannot be written. */
  onError?: (error: unknown) => void;
}

export interface CustomResources {
  /** Resolves when every status that is due has been written, and no deletion can go on by itself. */
  settled(): Promise<void>;
  /** Lets go of the storage. What was registered stays. */
  stop(): Promise<void>;
}

/** What Go's client says when its time is up (admission goes by the request's, and says something else). */
const lateText = "net/http: request canceled (Client.Timeout exceeded while awaiting headers)";

/** What of a definition its resources depend on: they are made again only when it changes. */
interface Served {
  definition: Definition;
  resources: Resource[];
}

/**
 * Makes the resources served that CustomResourceDefinitions define. Works on the storage itself and follows its
 * changes as they become durable: when a client is told that its definition is stored, the resource is there.
 * Definitions that are stored already are served when this returns.
 */
export function startCustomResources(options: CustomResourcesOptions): CustomResources {
  const { storage, registry, clock, onError = () => {} } = options;
  const definitions = new Map<string, Definition>();
  const served = new Map<string, Served>();
  const webhooks = createEndpointPool(options.resolveService ?? endpointResolver(storage), options.dial);
  const writes = new Set<Promise<void>>();
  const finalizer = createFinalizer({ storage, clock, onError, resourceOf: (name) => served.get(name)?.resources[0] });

  function track(write: Promise<unknown>): void {
    const tracked = write.then(
      () => undefined,
      (error: unknown) => onError(error),
    );
    writes.add(tracked);
    void tracked.then(() => writes.delete(tracked));
  }

  function put(stored: Definition): void {
    const name = stored.metadata.name as string;
    const others = [...definitions.values()].filter((each) => each.metadata.name !== name);
    const status = desiredStatus(stored, others, formatTime(clock.now()));
    const changed = !jsonEqual(status as JsonValue, (stored.status ?? {}) as JsonValue);
    const definition: Definition = changed ? { ...stored, status } : stored;
    definitions.set(name, definition);
    serve(name, definition);
    if (changed) track(writeStatus(name));
    finalizer.consider(definition);
  }

  function remove(name: string): void {
    const group = definitions.get(name)?.spec.group;
    definitions.delete(name);
    withdraw(name);
    finalizer.forget(name);
    // Its names are free now: others of its group may have waited for them.
    for (const each of [...definitions.values()]) if (each.spec.group === group) put(each);
  }

  function serve(name: string, definition: Definition): void {
    if (!isConditionTrue(definition, "Established")) return;
    const before = served.get(name);
    if (before !== undefined && !changesResources(definition, before.definition)) return;
    const resources = customResources(definition, converterOf(definition)).filter(
      ({ group, version, plural }) => registry.lookup(group, version, plural)?.custom !== false,
    );
    for (const old of before?.resources ?? []) {
      if (!resources.some((each) => each.version === old.version)) registry.delete(old.group, old.version, old.plural);
    }
    for (const resource of resources) registry.set(resource);
    served.set(name, { definition, resources });
    keepWebhooks();
  }

  function converterOf({ spec: { conversion } }: Definition): ObjectConverter | undefined {
    const { clientConfig, conversionReviewVersions = [] } = conversion?.webhook ?? {};
    if (conversion?.strategy !== "Webhook" || clientConfig === undefined) return undefined;
    return createWebhookConverter(conversionReviewVersions, (body, timeoutSeconds) =>
      webhooks.of(clientConfig).post(body, timeoutSeconds, lateText),
    );
  }

  function keepWebhooks(): void {
    webhooks.keepOnly(
      [...served.values()].flatMap(({ definition }) => definition.spec.conversion?.webhook?.clientConfig ?? []),
    );
  }

  function withdraw(name: string): void {
    for (const { group, version, plural } of served.get(name)?.resources ?? []) registry.delete(group, version, plural);
    if (served.delete(name)) keepWebhooks();
  }

  /** Writes what is due by then: the definition may have changed again, and so may the others. */
  async function writeStatus(name: string): Promise<void> {
    await storage.write(definitionsPrefix + name, (current): Write => {
      if (current === undefined) return { type: "none" };
      const stored = parseStored(current.value) as Definition;
      const others = [...definitions.values()].filter((each) => each.metadata.name !== name);
      const status = desiredStatus(stored, others, formatTime(clock.now()));
      if (jsonEqual(status as JsonValue, (stored.status ?? {}) as JsonValue)) return { type: "none" };
      return encodeDefinition({ ...stored, status });
    });
  }

  function follow(change: Change): void {
    if (!change.key.startsWith(definitionsPrefix)) {
      if (change.type === "delete") finalizer.instanceDeleted(change.key);
      return;
    }
    if (change.type === "delete") remove(change.key.slice(definitionsPrefix.length));
    else put(parseStored(change.value) as Definition);
  }

  const stored = storage.list({ prefix: definitionsPrefix }).items;
  const unsubscribe = storage.subscribe(follow);
  for (const item of stored) put(parseStored(item.value) as Definition);

  return {
    async settled() {
      while (writes.size > 0 || finalizer.busy) await Promise.all([...writes, finalizer.settled()]);
    },
    async stop() {
      unsubscribe();
      finalizer.stop();
      webhooks.keepOnly([]);
      await Promise.all([...writes, finalizer.settled()]);
    },
  };
}

function changesResources(definition: Definition, before: Definition): boolean {
  return (
    definition.metadata.uid !== before.metadata.uid ||
    definition.metadata.generation !== before.metadata.generation ||
    isConditionTrue(definition, "Terminating") !== isConditionTrue(before, "Terminating") ||
    !jsonEqual(
      definition.status?.acceptedNames as JsonValue | undefined,
      before.status?.acceptedNames as JsonValue | undefined,
    )
  );
}
