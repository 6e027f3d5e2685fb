import {
  type Client,
  type Clock,
  type Logger,
  limitRanges,
  namespaces,
  networkPolicies,
  type ResourceRef,
  resourceQuotas,
  tenants,
  WorkQueue,
} from "@podwright/client";
import type { JsonObject, KubeObject } from "@podwright/kube";
import { isCode, StatusError } from "@podwright/kube/status";
import { formatTime } from "@podwright/kube/time";
import { compileTemplate } from "../templates/template.ts";
import { readTenantObject } from "./read-tenant.ts";
import { isObject } from "./tenant.ts";

const fieldManager = "podwright-pod-service";
const ownerLabel = "podwright.dev/tenant";

/**
 * Makes what Tenants ask for and tells in their status how that went. A namespace is only made, never taken away:
 * it holds the tenant's data.
 */
export class TenantController {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #known = new Map<string, { object: KubeObject; error: string | undefined }>();
  readonly #queue: WorkQueue;

  constructor(options: { client: Client; clock: Clock; logger: Logger }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#queue = new WorkQueue({
      reconcile: (name) => this.#reconcile(name),
      concurrency: 4,
      minBackoffMs: 100,
      maxBackoffMs: 60_000,
      clock: options.clock,
      onError: (name, error) =>
        options.logger.warn("a tenant could not be set up", { tenant: name, error: String(error) }),
    });
  }

  /** A Tenant as it is now; undefined when it is gone. `error` when it is not written as it must be. */
  changed(name: string, object: KubeObject | undefined, error: string | undefined): void {
    if (object === undefined) this.#known.delete(name);
    else this.#known.set(name, { object, error });
    this.#queue.add(name);
  }

  start(): void {
    this.#queue.start();
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #reconcile(name: string): Promise<void> {
    const entry = this.#known.get(name);
    if (entry === undefined) return;
    const { object, error } = entry;
    const spec = (object["spec"] ?? {}) as JsonObject;
    const namespace = (spec["namespace"] as string | undefined) || name;
    const problem = error ?? templateProblem(object);
    if (problem !== undefined) return this.#report(object, namespace, "False", "Invalid", problem);
    try {
      if (spec["createNamespace"] === true) await this.#equip(name, namespace, spec);
      else await this.#client.resource(namespaces).get(namespace);
    } catch (failure) {
      if (!(failure instanceof StatusError)) throw failure;
      await this.#report(object, namespace, "False", failure.code === 404 ? "NoNamespace" : "Refused", failure.message);
      throw failure;
    }
    return this.#report(object, namespace, "True", "Ready", "pods can be asked for");
  }

  async #equip(tenant: string, namespace: string, spec: JsonObject): Promise<void> {
    await this.#makeNamespace(tenant, namespace);
    const labels = { [ownerLabel]: tenant };
    const put = async (ref: ResourceRef, apiVersion: string, wanted: unknown): Promise<void> => {
      const metadata = { name: "podwright-tenant", namespace, labels };
      if (isObject(wanted)) {
        const object = { apiVersion, kind: ref.kind, metadata, spec: wanted };
        await this.#client
          .resource(ref)
          .patch(metadata.name, namespace, object, { type: "apply", fieldManager, force: true });
      } else await this.#client.resource(ref).delete(metadata.name, namespace).catch(ignoreNotFound);
    };
    await put(resourceQuotas, "v1", spec["quota"]);
    await put(limitRanges, "v1", spec["limitRange"]);
    const policy = spec["networkPolicy"] === "None" ? undefined : defaultDeny;
    await put(networkPolicies, "networking.k8s.io/v1", policy);
  }

  /** Another's namespace is not taken over: a tenant must not be led into kube-system by its name. */
  async #makeNamespace(tenant: string, namespace: string): Promise<void> {
    const resource = this.#client.resource(namespaces);
    const labels = { [ownerLabel]: tenant };
    try {
      await resource.create(
        { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } },
        { fieldManager },
      );
    } catch (error) {
      if (!isCode(error, 409)) throw error;
      const existing = await resource.get(namespace);
      if (existing.metadata.labels?.[ownerLabel] === tenant) return;
      throw new StatusError({
        ...error.status,
        message: `the namespace ${namespace} is not this tenant's: label it ${ownerLabel}=${tenant}, or leave createNamespace out`,
      });
    }
  }

  async #report(object: KubeObject, namespace: string, status: string, reason: string, message: string): Promise<void> {
    const before = (object["status"]?.conditions ?? []) as JsonObject[];
    const ready = before.find(({ type }) => type === "Ready");
    const observedGeneration = object.metadata.generation ?? 1;
    const same =
      ready?.["status"] === status &&
      ready["reason"] === reason &&
      ready["message"] === message &&
      object["status"]?.observedGeneration === observedGeneration &&
      object["status"]?.namespace === namespace;
    if (same) return;
    const lastTransitionTime =
      ready?.["status"] === status ? ready["lastTransitionTime"] : formatTime(this.#clock.now());
    const condition = { type: "Ready", status, reason, message, lastTransitionTime, observedGeneration };
    await this.#client
      .resource(tenants)
      .patch(
        object.metadata.name as string,
        undefined,
        { status: { observedGeneration, namespace, conditions: [condition] } },
        { type: "merge", subresource: "status" },
      )
      .catch(ignoreNotFound);
  }
}

function templateProblem(object: KubeObject): string | undefined {
  const { tenant } = readTenantObject(object);
  for (const [name, source] of Object.entries(tenant.templates)) {
    try {
      compileTemplate(name, source, false);
    } catch (error) {
      return `templates.${name}: ${(error as Error).message}`;
    }
  }
  return undefined;
}

/** Nothing in; out only to DNS. */
const defaultDeny: JsonObject = {
  podSelector: {},
  policyTypes: ["Ingress", "Egress"],
  egress: [
    {
      ports: [
        { port: 53, protocol: "UDP" },
        { port: 53, protocol: "TCP" },
      ],
    },
  ],
};

function ignoreNotFound(error: unknown): void {
  if (!isCode(error, 404)) throw error;
}
