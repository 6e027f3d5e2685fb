import { clusterPackRepositories, packRepositories, packs } from "@podwright/client";
import type { Webhook } from "../part.ts";
import type { AdmissionHandler } from "../webhook/server.ts";

/**
 * The webhook that refuses wrong Packs and repositories when they are written. Ignored where it cannot be reached: the
 * controllers find the same faults and say so in the status.
 */
export function packWebhook(validate: AdmissionHandler): Webhook {
  return {
    type: "validating",
    path: "/validate-pack",
    handler: validate,
    entry: {
      name: "packs.podwright.dev",
      rules: [
        {
          apiGroups: [packs.group],
          apiVersions: [packs.version],
          operations: ["CREATE", "UPDATE"],
          resources: [packs.resource, packRepositories.resource, clusterPackRepositories.resource],
        },
      ],
      failurePolicy: "Ignore",
      sideEffects: "None",
      matchPolicy: "Equivalent",
      timeoutSeconds: 5,
      admissionReviewVersions: ["v1"],
    },
  };
}
