import { isDeepStrictEqual } from "node:util";
import { endpointSlices, type Informer, type ResourceClient, splitKey } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { controllerReference } from "../../owner-references.ts";
import { type ControllerContext, isNamespaceTerminating, isNotFound } from "../controller.ts";
import { RecentWrites } from "../recent-writes.ts";
import type { ResolvedPort } from "./service-pods.ts";

export const serviceNameLabel = "kubernetes.io/service-name";
const managedByLabel = "endpointslice.kubernetes.io/managed-by";

export interface SliceContent {
  addressType: string;
  endpoints: object[];
  ports: ResolvedPort[];
}

/** What all slices of a Service have in common. */
export interface SliceFrame {
  owner: KubeObject;
  labels: Record<string, string>;
  annotations?: Record<string, string>;
}

/** The EndpointSlices that one manager keeps for Services: others of the same Services are not touched. */
export class SliceWriter {
  readonly #manager: string;
  readonly #cache: Informer<KubeObject>;
  readonly #writes: RecentWrites<KubeObject>;
  readonly #resource: ResourceClient<KubeObject>;
  readonly #byService: (slice: KubeObject) => string[];

  /**
   * @param manager e.g. "endpointslice-controller.k8s.io".
   * @param changed told "namespace/service" when one of its slices is changed or deleted by whomever.
   */
  constructor(context: ControllerContext, manager: string, changed: (key: string) => void) {
    this.#manager = manager;
    this.#byService = ({ metadata }) => {
      const name = metadata.labels?.[serviceNameLabel];
      return name && metadata.labels?.[managedByLabel] === manager ? [`${metadata.namespace}/${name}`] : [];
    };
    this.#cache = context.informers.for(endpointSlices, { indexes: { [manager]: this.#byService } });
    this.#writes = new RecentWrites(this.#cache, context.clock);
    this.#resource = context.client.resource(endpointSlices);
    const tell = (slice: KubeObject): void => this.#byService(slice).forEach(changed);
    this.#cache.onChange({ updated: tell, deleted: tell });
  }

  /** Resolves when the slices that are there are known. */
  synced(): Promise<void> {
    return this.#cache.synced();
  }

  /** Makes the Service's slices be these; slices with the same ports are kept, others used again. */
  async write(key: string, frame: SliceFrame, wanted: readonly SliceContent[]): Promise<void> {
    const present = this.#present(key);
    for (const content of wanted) {
      const fitting = present.filter((slice) => slice["addressType"] === content.addressType);
      const reused = fitting.find((slice) => isDeepStrictEqual(slice["ports"] ?? [], content.ports)) ?? fitting[0];
      if (reused !== undefined) present.splice(present.indexOf(reused), 1);
      await this.#put(key, frame, reused, content);
    }
    await this.#delete(present);
  }

  /** Takes away all slices of the Service. */
  async clear(key: string): Promise<void> {
    await this.#delete(this.#present(key));
  }

  #present(key: string): KubeObject[] {
    return this.#writes
      .merge(this.#cache.by(this.#manager, key), (slice) => this.#byService(slice).includes(key))
      .filter((slice) => slice.metadata.deletionTimestamp === undefined)
      .sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1));
  }

  async #delete(slices: readonly KubeObject[]): Promise<void> {
    for (const slice of slices) {
      const { name = "", namespace } = slice.metadata;
      await this.#resource.delete(name, namespace).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      this.#writes.deleted(slice);
    }
  }

  async #put(key: string, frame: SliceFrame, slice: KubeObject | undefined, content: SliceContent): Promise<void> {
    const { name, namespace = "" } = splitKey(key);
    const { annotations } = frame;
    const labels = { ...frame.labels, [serviceNameLabel]: name, [managedByLabel]: this.#manager };
    if (slice !== undefined) {
      const same =
        isDeepStrictEqual(slice["endpoints"] ?? [], content.endpoints) &&
        isDeepStrictEqual(slice["ports"] ?? [], content.ports) &&
        isDeepStrictEqual(slice.metadata.labels, labels) &&
        (annotations === undefined || isDeepStrictEqual(slice.metadata.annotations ?? {}, annotations));
      if (same) return;
      const metadata = { ...slice.metadata, labels, ...(annotations && { annotations }) };
      this.#writes.wrote(await this.#resource.update({ ...slice, metadata, ...content }));
      return;
    }
    const created = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        generateName: `${name}-`,
        namespace,
        labels,
        ...(annotations && { annotations }),
        ownerReferences: [controllerReference(frame.owner)],
      },
      ...content,
    };
    try {
      this.#writes.wrote(await this.#resource.create(created));
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
    }
  }
}
