import {
  type Client,
  type Clock,
  customResourceDefinitions,
  EventRecorder,
  InformerFactory,
  type Logger,
  type ResourceRef,
  silentLogger,
  systemClock,
  untilEstablished,
} from "@podwright/client";
import {
  applyMergePatch,
  isCode,
  type JsonObject,
  jsonEqual,
  type KubeObject,
  type OwnerReference,
} from "@podwright/kube";
import { ContentIndex } from "./content/content-index.ts";
import { contentKey } from "./content/content-key.ts";
import type { FreshPartOptions } from "./fresh/part.ts";
import { type LeaseName, leadAlone, leadByElection } from "./leading.ts";
import type { PackPartOptions } from "./pack/part.ts";
import type { Part, PartContext } from "./part.ts";
import type { RedeployOptions } from "./redeploy/redeployer.ts";
import { openCertificates, type SecretName } from "./webhook/certificates.ts";
import { type WebhookAddress, webhookConfigurations } from "./webhook/configurations.ts";
import { serveWebhooks } from "./webhook/server.ts";

/** What the operator is able to do, in the order in which it is started. */
export const partNames = ["nanopod", "pack", "reflector", "redeploy", "fresh"] as const;
export type PartName = (typeof partNames)[number];

export interface OperatorOptions {
  /** To the cluster to work on. Stays open when the operator stops. */
  client: Client;
  /** Parts to leave out. */
  without?: Iterable<PartName>;
  /** How to run helm, and where to keep charts. The part pack is left out without it. */
  pack?: PackPartOptions;
  /** Which workloads get new images, and where images are looked for. The part fresh is left out without it. */
  fresh?: FreshPartOptions;
  redeploy?: RedeployOptions;
  webhook?: {
    /** The address to listen on; default 127.0.0.1. */
    host?: string;
    /** Default 0: any free one. */
    port?: number;
    /** How the API server gets here; default https://HOST:PORT. */
    address?: WebhookAddress;
    /** A Secret by which replicas behind one Service share their certificate. */
    certificateSecret?: SecretName;
    /**
     * A cluster-scoped object that owns the webhook configurations: they stay when the operator stops, for other
     * replicas and the next start, and go with their owner.
     */
    owner?: OwnerReference;
  };
  /** Where there may be several operators: one of them runs the controllers. */
  leaderElection?: LeaseName;
  clock?: Clock;
  logger?: Logger;
  onError?: (error: unknown) => void;
}

/** An operator at work. */
export interface Operator {
  /** Takes the webhooks out of the cluster (unless they have an owner) and stops. What it made stays. */
  stop(): Promise<void>;
}

/**
 * Starts the operator: puts its CRDs and webhooks into the cluster, serves them, and runs its controllers. Resolves
 * when pods are armed and, without leader election, the controllers run. It works through the client alone, on any
 * Kubernetes from 1.30.
 */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const { client, webhook = {}, clock = systemClock, logger = silentLogger } = options;
  const onError = options.onError ?? (() => {});
  const host = webhook.host ?? "127.0.0.1";
  // Undone in the reverse order, whatever was done so far.
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
      try {
        await step();
      } catch (error) {
        onError(error);
      }
    }
  };
  try {
    const recorder = new EventRecorder(client, { component: "podwright" });
    undo.push(() => recorder.stop());
    const informers = new InformerFactory(client, { logger });
    const parts = await createParts(options, { client, informers, recorder, clock, logger });
    for (const part of parts) undo.push(() => part.close?.());
    await Promise.all(parts.flatMap(({ crds }) => crds).map((crd) => putDefinition(client, crd)));

    const webhooks = parts.flatMap((part) => part.webhooks);
    const configure = async (caCertificate: string): Promise<void> => {
      const configurations = webhookConfigurations(webhooks, address, caCertificate, webhook.owner);
      await Promise.all(configurations.map(({ ref, object }) => put(client, ref, object)));
    };
    const certificates = await openCertificates({
      hosts: certificateHosts(host, webhook.address),
      client,
      clock,
      ...(webhook.certificateSecret !== undefined ? { secret: webhook.certificateSecret } : {}),
      async onRenewed(next) {
        await configure(next.caCertificate);
        server.setCertificate(next);
      },
      onError,
    });
    undo.push(() => certificates.stop());
    const server = await serveWebhooks({
      handlers: Object.fromEntries(webhooks.map(({ path, handler }) => [path, handler])),
      certificate: certificates.current,
      host,
      port: webhook.port ?? 0,
      onError,
    });
    undo.push(() => server.close());
    const address = webhook.address ?? { url: `https://${host}:${server.port}` };

    undo.push(() => informers.stop());
    informers.start();
    await informers.synced();
    await configure(certificates.current.caCertificate);
    if (webhook.owner === undefined) {
      undo.push(async () => {
        const configurations = webhookConfigurations(webhooks, address, "");
        await Promise.all(configurations.map(({ ref, object }) => remove(client, ref, object).catch(onError)));
      });
    }

    const { leaderElection: lease } = options;
    const leading =
      lease === undefined ? await leadAlone(parts) : leadByElection(parts, { client, lease, clock, logger, onError });
    undo.push(() => leading.stop());
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Their code is loaded here: a part that is left out costs nothing. */
async function createParts(
  { without = [], pack: packOptions, fresh: freshOptions, redeploy: redeployOptions }: OperatorOptions,
  given: Omit<PartContext, "content">,
): Promise<Part[]> {
  const left = new Set<PartName>(without);
  if (packOptions === undefined) left.add("pack");
  const parts: Part[] = [];
  if (!left.has("nanopod")) {
    const { createNanoPodPart } = await import("./nanopod/part.ts");
    parts.push(createNanoPodPart(given));
  }
  if (freshOptions !== undefined && !left.has("fresh")) {
    const { createFreshPart } = await import("./fresh/part.ts");
    parts.push(createFreshPart(given, freshOptions));
  }
  if (left.has("pack") && left.has("reflector") && left.has("redeploy")) return parts;

  const content = new ContentIndex(given.informers, await contentKey(given.client));
  const context: PartContext = { ...given, content };
  const [pack, reflector, redeploy] = await Promise.all([
    packOptions === undefined || left.has("pack") ? undefined : import("./pack/part.ts"),
    left.has("reflector") ? undefined : import("./reflector/part.ts"),
    left.has("redeploy") ? undefined : import("./redeploy/part.ts"),
  ]);
  if (pack !== undefined && packOptions !== undefined) parts.push(pack.createPackPart(context, packOptions));
  if (reflector !== undefined) parts.push(reflector.createReflectorPart(context));
  if (redeploy !== undefined) {
    parts.push(redeploy.createRedeployPart(context, { ...redeployOptions, packs: pack !== undefined }));
  }
  return parts;
}

function certificateHosts(host: string, address: WebhookAddress | undefined): string[] {
  if (address === undefined) return [host];
  if ("url" in address) return [new URL(address.url).hostname];
  const { name, namespace } = address.service;
  return [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
}

async function putDefinition(client: Client, crd: KubeObject): Promise<void> {
  const resource = client.resource(customResourceDefinitions);
  const name = crd.metadata.name as string;
  const known = await resource.get(name).catch((error: unknown) => {
    if (!isCode(error, 404)) throw error;
  });
  // Of an earlier start: the API server need not read it all again.
  if (known === undefined || !holds(known, crd)) await put(client, customResourceDefinitions, crd);
  await untilEstablished(client, name);
}

/** Whether writing the content over the object would change nothing. */
function holds(object: KubeObject, content: KubeObject): boolean {
  return jsonEqual(applyMergePatch(object as JsonObject, content as JsonObject), object as JsonObject);
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

async function remove(client: Client, ref: ResourceRef, { metadata }: KubeObject): Promise<void> {
  try {
    await client.resource(ref).delete(metadata.name as string);
  } catch (error) {
    if (!isCode(error, 404)) throw error;
  }
}
