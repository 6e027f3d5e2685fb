/** The ServiceAccount `default` of every namespace (k8s.io/kubernetes/pkg/controller/serviceaccount/serviceaccounts_controller.go). */
import { serviceAccounts } from "@podwright/client";
import type { Controller, ControllerContext } from "./controller.ts";
import { createNamespaceObjectController } from "./namespace-object.ts";

const name = "default";

export function createServiceAccountController(context: ControllerContext): Controller {
  return createNamespaceObjectController(context, {
    controller: "serviceaccount",
    resource: serviceAccounts,
    name,
    wanted: (namespace) => ({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } }),
  });
}
