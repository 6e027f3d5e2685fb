import { mutatingWebhookConfigurations, type ResourceRef, validatingWebhookConfigurations } from "@podwright/client";
import type { KubeObject, OwnerReference } from "@podwright/kube";
import type { Webhook } from "../part.ts";

/** Where the API server finds the webhooks. */
export type WebhookAddress =
  /** Outside the cluster: "https://host:port". */
  | { url: string }
  /** In it: the Service in front of the operator. */
  | { service: { namespace: string; name: string; port?: number } };

/** Upstream's name. */
const mutatingConfigurationName = "nano-pod-mutating-webhook-configuration";
const validatingConfigurationName = "podwright-validating-webhook-configuration";

/** A webhook configuration and where it is written. */
export interface WebhookConfiguration {
  ref: ResourceRef;
  object: KubeObject;
}

/**
 * The configurations by which the API server calls the webhooks: one for those that change objects, one for those
 * that check them; none for a type that has no webhook. With an owner they go when it goes.
 */
export function webhookConfigurations(
  webhooks: readonly Webhook[],
  address: WebhookAddress,
  /** PEM. */
  caCertificate: string,
  owner?: OwnerReference,
): WebhookConfiguration[] {
  const caBundle = Buffer.from(caCertificate).toString("base64");
  const of = (type: Webhook["type"], ref: ResourceRef, name: string): WebhookConfiguration[] => {
    const entries = webhooks
      .filter((webhook) => webhook.type === type)
      .map(({ path, entry }) => ({
        admissionReviewVersions: ["v1"],
        ...entry,
        clientConfig: {
          ...("url" in address ? { url: address.url + path } : { service: { ...address.service, path } }),
          caBundle,
        },
      }));
    if (entries.length === 0) return [];
    const metadata = {
      name,
      labels: { "app.kubernetes.io/managed-by": "podwright" },
      ...(owner !== undefined ? { ownerReferences: [owner] } : {}),
    };
    const object = { apiVersion: "admissionregistration.k8s.io/v1", kind: ref.kind, metadata, webhooks: entries };
    return [{ ref, object }];
  };
  return [
    ...of("mutating", mutatingWebhookConfigurations, mutatingConfigurationName),
    ...of("validating", validatingWebhookConfigurations, validatingConfigurationName),
  ];
}
