/**
 * Empties namespaces that are being deleted, then lets them go
 * (k8s.io/kubernetes/pkg/controller/namespace/deletion/namespaced_resources_deleter.go).
 */
import { namespaces, pods, type ResourceRef, WorkQueue } from "@podwright/client";
import { formatTime, isCode, type KubeObject, messageOf } from "@podwright/kube";
import type { Condition, Namespace } from "../kinds.ts";
import { type ApiResource, apiResources } from "./api-resources.ts";
import { type Controller, type ControllerContext, isLostRace, isNotFound, reportTo } from "./controller.ts";
import { namespaceInformer, podInformer } from "./informers.ts";
import { type ContentFindings, namespaceConditions } from "./namespace-conditions.ts";

const finalizer = "kubernetes";
/** When content that waits for its finalizers is looked at again: soon, then less and less often. */
const firstRecheckMs = 50;
const longestRecheckMs = 5_000;

export function createNamespaceController(context: ControllerContext): Controller {
  const { client, clock } = context;
  const resource = client.resource<Namespace>(namespaces);
  const cache = namespaceInformer(context.informers);
  const podCache = podInformer(context.informers);
  const rechecks = new Map<string, number>();
  const queue = new WorkQueue({
    reconcile,
    concurrency: 5,
    clock,
    maxBackoffMs: 10_000,
    onError: reportTo(context.logger, "namespace"),
  });

  const enqueue = (namespace: Namespace): void => {
    if (namespace.metadata.deletionTimestamp !== undefined) queue.add(namespace.metadata.name ?? "");
  };
  cache.onChange({
    added: enqueue,
    updated: enqueue,
    deleted: (namespace) => rechecks.delete(namespace.metadata.name ?? ""),
  });
  podCache.onChange({
    deleted: ({ metadata: { namespace = "" } }) => {
      if (podCache.by("namespace", namespace).length > 0) return;
      const owner = cache.get(namespace);
      if (owner !== undefined) enqueue(owner);
    },
  });

  async function reconcile(name: string): Promise<{ requeueAfterMs: number } | undefined> {
    const namespace = cache.get(name);
    if (namespace?.metadata.deletionTimestamp === undefined) return undefined;
    if (!(namespace.spec?.finalizers ?? []).includes(finalizer)) return undefined;
    try {
      const findings = await deleteContent(name);
      await writeConditions(namespace, findings);
      if (findings.remaining.length > 0) return { requeueAfterMs: nextRecheckMs(name) };
      if (findings.errors.length > 0) throw new Error(findings.errors.join(", "));
      await finalize(name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  function nextRecheckMs(name: string): number {
    const waitMs = rechecks.get(name) ?? firstRecheckMs;
    rechecks.set(name, Math.min(waitMs * 2, longestRecheckMs));
    return waitMs;
  }

  /** Pods first: nothing they use goes while they run. */
  async function deleteContent(namespace: string): Promise<ContentFindings> {
    const findings: ContentFindings = { errors: [], discoveryError: undefined, remaining: [] };
    const resources = await apiResources(client).catch((error: unknown) => {
      findings.discoveryError = messageOf(error);
      return [];
    });
    await deleteAll(pods, namespace, findings);
    if (findings.remaining.length > 0) return findings;
    const others = resources.filter((ref) => isContent(ref));
    await Promise.all(others.map((ref) => deleteAll(ref, namespace, findings)));
    if (findings.discoveryError !== undefined) findings.errors.push(findings.discoveryError);
    return findings;
  }

  async function deleteAll(ref: ResourceRef, namespace: string, findings: ContentFindings): Promise<void> {
    try {
      const items = await contentOf(ref, namespace);
      if (items.length === 0) return;
      const fresh = items.filter((item) => item.metadata.deletionTimestamp === undefined);
      if (fresh.length > 0) await deleteItems(ref, namespace, fresh);
      const left = await contentOf(ref, namespace);
      if (left.length > 0) findings.remaining.push({ ref, items: left });
    } catch (error) {
      if (!isUnsupported(error)) findings.errors.push(messageOf(error));
    }
  }

  async function contentOf(ref: ResourceRef, namespace: string): Promise<KubeObject[]> {
    return (await client.resource(ref).list({ namespace })).items;
  }

  async function deleteItems(ref: ResourceRef, namespace: string, items: readonly KubeObject[]): Promise<void> {
    try {
      await client.resource(ref).deleteCollection({ namespace, propagationPolicy: "Background" });
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      for (const item of items) {
        await client
          .resource(ref)
          .delete(item.metadata.name ?? "", namespace, { propagationPolicy: "Background" })
          .catch((itemError: unknown) => {
            if (!isLostRace(itemError) && !isUnsupported(itemError)) throw itemError;
          });
      }
    }
  }

  async function writeConditions(namespace: Namespace, findings: ContentFindings): Promise<void> {
    const before = namespace.status?.conditions ?? [];
    const nothingToTell = findings.remaining.length === 0 && findings.errors.length === 0 && before.length === 0;
    if (nothingToTell) return;
    const conditions: Condition[] | undefined = namespaceConditions(before, findings, formatTime(clock.now()));
    if (conditions === undefined) return;
    const patch = { metadata: { uid: namespace.metadata.uid }, status: { conditions } };
    await resource.patch(namespace.metadata.name ?? "", undefined, patch, { type: "merge", subresource: "status" });
  }

  async function finalize(name: string): Promise<void> {
    const latest = await resource.get(name);
    const finalizers = (latest.spec?.finalizers ?? []).filter((other) => other !== finalizer);
    await resource.update({ ...latest, spec: { ...latest.spec, finalizers } }, { subresource: "finalize" });
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}

/** What a namespace holds; events of the two groups are the same. */
function isContent(ref: ApiResource): boolean {
  if (!ref.namespaced || !ref.verbs.includes("delete") || !ref.verbs.includes("list")) return false;
  if (ref.group === "" && ref.resource === "pods") return false;
  return !(ref.group === "events.k8s.io" && ref.resource === "events");
}

function isUnsupported(error: unknown): boolean {
  return isCode(error, 405, 404);
}
