/** The ConfigMap kube-root-ca.crt of every namespace (k8s.io/kubernetes/pkg/controller/certificates/rootcacertpublisher). */
import { configMaps } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Controller, ControllerContext } from "./controller.ts";
import { createNamespaceObjectController } from "./namespace-object.ts";

const name = "kube-root-ca.crt";
const annotations = {
  "kubernetes.io/description": "The authority that vouches for the API server, for clients in pods.",
};

/** @param certificate of the authority that signed the API server's, PEM. */
export function createRootCaController(context: ControllerContext, certificate: string): Controller {
  const data = { "ca.crt": certificate };

  function corrected(present: KubeObject): KubeObject | undefined {
    const { "ca.crt": told, ...others } = (present["data"] ?? {}) as Record<string, string>;
    return told === certificate && Object.keys(others).length === 0 ? undefined : { ...present, data };
  }

  return createNamespaceObjectController(context, {
    controller: "root-ca",
    resource: configMaps,
    name,
    wanted: (namespace) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, annotations }, data }),
    corrected,
  });
}
