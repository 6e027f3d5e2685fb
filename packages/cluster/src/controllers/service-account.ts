/** The ServiceAccount `default` of every namespace (k8s.io/kubernetes/pkg/controller/serviceaccount/serviceaccounts_controller.go). */
import { serviceAccounts, WorkQueue } from "@podwright/client";
import type { Namespace } from "../kinds.ts";
import {
  type Controller,
  type ControllerContext,
  isAlreadyExists,
  isNamespaceTerminating,
  reportTo,
} from "./controller.ts";
import { namespaceInformer } from "./informers.ts";

const accountName = "default";

export function createServiceAccountController(context: ControllerContext): Controller {
  const accounts = context.client.resource(serviceAccounts);
  const namespaceCache = namespaceInformer(context.informers);
  const accountCache = context.informers.for(serviceAccounts);
  const queue = new WorkQueue({
    reconcile,
    concurrency: 5,
    clock: context.clock,
    onError: reportTo(context.logger, "serviceaccount"),
  });

  const enqueue = (namespace: Namespace): void => queue.add(namespace.metadata.name ?? "");
  namespaceCache.onChange({ added: enqueue, updated: enqueue });
  accountCache.onChange({
    deleted: (account) => {
      if (account.metadata.name === accountName) queue.add(account.metadata.namespace ?? "");
    },
  });

  async function reconcile(name: string): Promise<void> {
    await accountCache.synced();
    const namespace = namespaceCache.get(name);
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
    if (accountCache.get(accountName, name) !== undefined) return;
    await accounts
      .create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: accountName, namespace: name } })
      .catch((error: unknown) => {
        if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
      });
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}
