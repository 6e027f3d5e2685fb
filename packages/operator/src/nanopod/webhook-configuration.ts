import type { KubeObject } from "@podwright/kube";
import { nanoPodsKey } from "./nanopod.ts";

/** Where the API server finds the webhook. */
export type WebhookAddress =
  /** Outside the cluster: "https://host:port". */
  | { url: string }
  /** In it: the Service in front of the operator. */
  | { service: { namespace: string; name: string; port?: number } };

export const webhookConfigurationName = "nano-pod-mutating-webhook-configuration";

/** Upstream's path. */
export const webhookPath = "/mutate-v1-pod";

/**
 * The MutatingWebhookConfiguration for pods with the label nano-pods, when they are created: an existing pod's spec
 * cannot be changed. It fails open, so that no pod waits for the operator, and is called again when another webhook
 * changes the pod after it.
 */
export function webhookConfiguration(address: WebhookAddress, caCertificate: string): KubeObject {
  const clientConfig =
    "url" in address ? { url: address.url + webhookPath } : { service: { ...address.service, path: webhookPath } };
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name: webhookConfigurationName, labels: { "app.kubernetes.io/managed-by": "podwright" } },
    webhooks: [
      {
        name: "mpod.kb.io",
        admissionReviewVersions: ["v1"],
        clientConfig: { ...clientConfig, caBundle: Buffer.from(caCertificate).toString("base64") },
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
    ],
  };
}
