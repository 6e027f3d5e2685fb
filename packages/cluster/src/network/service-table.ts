import type { Informer, InformerFactory } from "@podwright/client";
import { endpointSlices, objectKey } from "@podwright/client";
import { serviceInformer } from "../controllers/informers.ts";
import type { Service } from "../kinds.ts";
import { byServiceName, type EndpointSlice, type ServicePortEntry, servicePorts } from "./service-ports.ts";

/** The EndpointSlices of the cluster, with the index "serviceName" ("namespace/service"). */
export function endpointSliceInformer(informers: InformerFactory): Informer<EndpointSlice> {
  return informers.for<EndpointSlice>(endpointSlices, { indexes: { serviceName: byServiceName } });
}

/** All ports of Services with their endpoints, worked out anew only where something changed. */
export class ServiceTable {
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #entries = new Map<string, ServicePortEntry[]>();
  readonly #stale = new Set<string>();
  readonly #unsubscribe: (() => void)[];

  /** @param changed called at once when something may have changed. */
  constructor(informers: InformerFactory, changed: () => void) {
    this.#services = serviceInformer(informers);
    this.#slices = endpointSliceInformer(informers);
    const mark = (key: string): void => {
      this.#stale.add(key);
      changed();
    };
    const service = (object: Service): void => mark(objectKey(object));
    const slice = (object: EndpointSlice): void => byServiceName(object).forEach(mark);
    this.#unsubscribe = [
      this.#services.onChange({ added: service, updated: service, deleted: service }),
      this.#slices.onChange({
        added: slice,
        updated: (object, old) => {
          slice(object);
          slice(old);
        },
        deleted: slice,
      }),
    ];
  }

  /** Resolves when the table shows what the API has. */
  async synced(): Promise<void> {
    await Promise.all([this.#services.synced(), this.#slices.synced()]);
  }

  entries(): ServicePortEntry[] {
    for (const key of this.#stale) {
      const slash = key.indexOf("/");
      const service = this.#services.get(key.slice(slash + 1), key.slice(0, slash));
      const entries = service === undefined ? [] : servicePorts(service, this.#slices.by("serviceName", key));
      if (entries.length === 0) this.#entries.delete(key);
      else this.#entries.set(key, entries);
    }
    this.#stale.clear();
    // In one order, so that a chain of many is written anew only when its content changes.
    return [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, entries]) => entries);
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }
}
