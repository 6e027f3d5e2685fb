/** The ConfigMap kube-root-ca.crt of every namespace (k8s.io/kubernetes/pkg/controller/certificates/rootcacertpublisher). */
import { configMaps, WorkQueue } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Namespace } from "../kinds.ts";
import {
  type Controller,
  type ControllerContext,
  isAlreadyExists,
  isNamespaceTerminating,
  reportTo,
} from "./controller.ts";
import { namespaceInformer } from "./informers.ts";

const configMapName = "kube-root-ca.crt";

/** @param certificate of the authority that signed the API server's, PEM. */
export function createRootCaController(context: ControllerContext, certificate: string): Controller {
  const resource = context.client.resource(configMaps);
  const namespaceCache = namespaceInformer(context.informers);
  // Only those of the name: other ConfigMaps can be large and many.
  const cache = context.informers.for(configMaps, { fieldSelector: `metadata.name=${configMapName}` });
  const queue = new WorkQueue({
    reconcile,
    concurrency: 5,
    clock: context.clock,
    onError: reportTo(context.logger, "root-ca"),
  });

  const enqueue = (namespace: Namespace): void => queue.add(namespace.metadata.name ?? "");
  namespaceCache.onChange({ added: enqueue, updated: enqueue });
  const enqueueNamespaceOf = ({ metadata }: KubeObject): void => queue.add(metadata.namespace ?? "");
  cache.onChange({ updated: enqueueNamespaceOf, deleted: enqueueNamespaceOf });

  async function reconcile(name: string): Promise<void> {
    await cache.synced();
    const namespace = namespaceCache.get(name);
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
    const present = cache.get(configMapName, name);
    if (present === undefined) {
      await resource.create(wanted(name)).catch((error: unknown) => {
        if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
      });
      return;
    }
    const data = (present["data"] ?? {}) as Record<string, string>;
    if (Object.keys(data).length === 1 && data["ca.crt"] === certificate) return;
    await resource.update({ ...present, data: { "ca.crt": certificate } });
  }

  function wanted(namespace: string): KubeObject {
    return {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: configMapName,
        namespace,
        annotations: {
          "kubernetes.io/description": "The authority that vouches for the API server, for clients in pods.",
        },
      },
      data: { "ca.crt": certificate },
    };
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}
