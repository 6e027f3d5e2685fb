import { nanoPods } from "@podwright/client";
import type { Part, PartContext } from "../part.ts";
import { nanoPodCrd } from "./crd.ts";
import { type NanoPod, nanoPodsKey } from "./nanopod.ts";
import { createArmingHandler } from "./webhook.ts";

/**
 * Arms pods with the label nano-pods when they are created: an existing pod's spec cannot be changed. The webhook
 * fails open, so that no pod waits for the operator, and is called again when another webhook changes the pod after it.
 */
export function createNanoPodPart({ informers, recorder }: Pick<PartContext, "informers" | "recorder">): Part {
  return {
    name: "nanopod",
    crds: [nanoPodCrd()],
    webhooks: [
      {
        type: "mutating",
        // Upstream's path and name.
        path: "/mutate-v1-pod",
        handler: createArmingHandler(informers.for<NanoPod>(nanoPods), recorder),
        entry: {
          name: "mpod.kb.io",
          rules: [
            { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"], scope: "Namespaced" },
          ],
          objectSelector: { matchExpressions: [{ key: nanoPodsKey, operator: "Exists" }] },
          namespaceSelector: {
            matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["kube-system"] }],
          },
          failurePolicy: "Ignore",
          matchPolicy: "Equivalent",
          reinvocationPolicy: "IfNeeded",
          sideEffects: "NoneOnDryRun",
          timeoutSeconds: 10,
        },
      },
    ],
  };
}
