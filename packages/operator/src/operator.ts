import {
  type Client,
  customResourceDefinitions,
  EventRecorder,
  InformerFactory,
  mutatingWebhookConfigurations,
  nanoPods,
  type ResourceRef,
} from "@podwright/client";
import { type KubeObject, StatusError } from "@podwright/kube";
import { nanoPodCrd } from "./nanopod/crd.ts";
import type { NanoPod } from "./nanopod/nanopod.ts";
import { createArmingHandler } from "./nanopod/webhook.ts";
import {
  type WebhookAddress,
  webhookConfiguration,
  webhookConfigurationName,
  webhookPath,
} from "./nanopod/webhook-configuration.ts";
import { createServingCertificate } from "./webhook/certificate.ts";
import { serveWebhooks } from "./webhook/server.ts";

export interface OperatorOptions {
  /** To the cluster to work on, with the rights of a cluster administrator. Stays open when the operator stops. */
  client: Client;
  webhook?: {
    /** The address to listen on; default 127.0.0.1. */
    host?: string;
    /** Default 0: any free one. */
    port?: number;
    /** How the API server gets here; default https://HOST:PORT. */
    address?: WebhookAddress;
  };
  onError?: (error: unknown) => void;
}

/** An operator at work. */
export interface Operator {
  /** Takes the webhook out of the cluster and stops. NanoPods and what they armed stay. */
  stop(): Promise<void>;
}

/** The longest that setTimeout can wait. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Starts the operator: puts the NanoPod CRD and the arming webhook into the cluster and serves it. Resolves when
 * pods are armed. It works through the client alone, on any Kubernetes from 1.30.
 */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const { client } = options;
  const onError = options.onError ?? (() => {});
  const host = options.webhook?.host ?? "127.0.0.1";
  const hosts = certificateHosts(host, options.webhook?.address);

  let certificate = createServingCertificate(hosts);
  await put(client, customResourceDefinitions, nanoPodCrd());
  await established(client, `${nanoPods.resource}.${nanoPods.group}`);

  const recorder = new EventRecorder(client, { component: "podwright" });
  const informers = new InformerFactory(client);
  const nanoPodInformer = informers.for<NanoPod>(nanoPods);
  const server = await serveWebhooks({
    handlers: { [webhookPath]: createArmingHandler(nanoPodInformer, recorder) },
    certificate,
    host,
    port: options.webhook?.port ?? 0,
    onError,
  });
  const address = options.webhook?.address ?? { url: `https://${host}:${server.port}` };
  const close = async () => {
    await informers.stop();
    await server.close();
    await recorder.stop();
  };
  try {
    informers.start();
    await informers.synced();
    await put(client, mutatingWebhookConfigurations, webhookConfiguration(address, certificate.caCertificate));
  } catch (error) {
    await close();
    throw error;
  }

  let renewal: NodeJS.Timeout;
  const scheduleRenewal = () => {
    renewal = setTimeout(
      () => {
        renew().catch(onError).finally(scheduleRenewal);
      },
      Math.min(Math.max(certificate.renewAt - Date.now(), 60_000), maxTimerMs),
    );
    renewal.unref();
  };
  const renew = async () => {
    if (Date.now() < certificate.renewAt) return;
    const next = createServingCertificate(hosts);
    // Both are trusted while they change over: no review in between fails.
    const both = certificate.caCertificate + next.caCertificate;
    await put(client, mutatingWebhookConfigurations, webhookConfiguration(address, both));
    server.setCertificate(next);
    certificate = next;
    await put(client, mutatingWebhookConfigurations, webhookConfiguration(address, next.caCertificate));
  };
  scheduleRenewal();

  return {
    async stop() {
      clearTimeout(renewal);
      await client
        .resource(mutatingWebhookConfigurations)
        .delete(webhookConfigurationName)
        .catch((error) => {
          if (!isCode(error, 404)) onError(error);
        });
      await close();
    },
  };
}

function certificateHosts(host: string, address: WebhookAddress | undefined): string[] {
  if (address === undefined) return [host];
  if ("url" in address) return [new URL(address.url).hostname];
  const { name, namespace } = address.service;
  return [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
}

/** Creates the object, or gives the one that is there this one's content. */
async function put(client: Client, ref: ResourceRef, object: KubeObject): Promise<void> {
  const resource = client.resource(ref);
  try {
    await resource.create(object);
  } catch (error) {
    if (!isCode(error, 409)) throw error;
    await resource.patch(object.metadata.name as string, undefined, object, { type: "merge" });
  }
}

/** Waits until the CRD's kind is served. */
async function established(client: Client, name: string): Promise<void> {
  const resource = client.resource(customResourceDefinitions);
  const isEstablished = (crd: KubeObject) =>
    (crd["status"]?.conditions ?? []).some(
      (condition: { type: string; status: string }) => condition.type === "Established" && condition.status === "True",
    );
  const crd = await resource.get(name);
  if (isEstablished(crd)) return;
  const watch = resource.watch({
    fieldSelector: `metadata.name=${name}`,
    timeoutSeconds: 30,
    ...(crd.metadata.resourceVersion !== undefined ? { resourceVersion: crd.metadata.resourceVersion } : {}),
  });
  for await (const { type, object } of watch) {
    if (type !== "BOOKMARK" && isEstablished(object)) return;
  }
  throw new Error(`the CustomResourceDefinition ${name} was not established within 30 s`);
}

function isCode(error: unknown, code: number): boolean {
  return error instanceof StatusError && error.code === code;
}
