import type { Clock } from "@podwright/clock";
import type { KubeObject } from "@podwright/kube";
import type { ResourceRequest } from "../context.ts";
import type { Conversions } from "../resources/conversion.ts";
import type { Resource, ResourceRegistry } from "../resources/resource.ts";
import type { WriteOptions } from "../verbs/write-options.ts";
import { FieldManager } from "./field-manager.ts";
import { decodeManagedFields } from "./managed-fields.ts";
import { managedResource, managedScale } from "./managed-kind.ts";
import { managerName } from "./manager-name.ts";

/** The field managers of all resources and subresources, made when they are first asked for. */
export class FieldManagers {
  readonly scale: FieldManager;
  readonly #registry: ResourceRegistry;
  readonly #clock: Pick<Clock, "now">;
  readonly #managers = new WeakMap<Resource, Map<string, FieldManager>>();

  constructor(registry: ResourceRegistry, clock: Pick<Clock, "now">) {
    this.#registry = registry;
    this.#clock = clock;
    this.scale = new FieldManager(managedScale(), clock);
  }

  of(resource: Resource, subresource: string): FieldManager {
    let managers = this.#managers.get(resource);
    if (managers === undefined) {
      managers = new Map();
      this.#managers.set(resource, managers);
    }
    let manager = managers.get(subresource);
    if (manager === undefined) {
      manager = new FieldManager(managedResource(this.#registry, resource, subresource), this.#clock);
      managers.set(subresource, manager);
    }
    return manager;
  }

  /** Sees the write of a request: sets managedFields of the next object. */
  track(
    request: ResourceRequest,
    options: WriteOptions,
    live: KubeObject | undefined,
    next: KubeObject,
    conversions: Conversions,
  ): void {
    const { resource, route } = request;
    this.of(resource, route.subresource).update(live, next, requestManager(request, options), conversions);
  }
}

export function requestManager({ request }: ResourceRequest, { fieldManager }: WriteOptions): string {
  return managerName(fieldManager, request.headers["user-agent"]);
}

/**
 * Undoes what mutating admission has done to managedFields when it is nothing that can be read
 * (k8s.io/apiserver/pkg/endpoints/handlers/fieldmanager/admission.go). Changes the object.
 */
export function restoreManagedFields(
  object: KubeObject,
  before: KubeObject["metadata"]["managedFields"],
  { warnings }: Pick<ResourceRequest, "warnings">,
): void {
  const after = object.metadata.managedFields;
  if (after === before || after === undefined) return;
  try {
    decodeManagedFields(after, false);
  } catch (error) {
    if (before === undefined) delete object.metadata.managedFields;
    else object.metadata.managedFields = before;
    warnings.add(
      `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${(error as Error).message}`,
    );
  }
}
