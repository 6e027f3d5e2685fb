import { resolve } from "node:path";
import { Client, clusterRoles, HttpTransport, TransportError } from "@podwright/client";
import type { OwnerReference } from "@podwright/kube";
import { type Operator, type OperatorOptions, startOperator } from "@podwright/operator";
import { type ClusterFlags, connectionOf } from "../connection.ts";
import { CommandError } from "../error.ts";
import { defaultCacheDir, openHelmConnection } from "../helm-connection.ts";
import { parseImages, parseParts } from "../parts.ts";
import { parsePort, untilStopped } from "../process.ts";

interface Options extends ClusterFlags {
  without?: string[];
  webhookHost?: string;
  webhookPort: string;
  webhookUrl?: string;
  webhookService?: string;
  webhookSecret?: string;
  webhookOwner?: string;
  lease: string;
  cacheDir?: string;
  images: string;
  scope: string;
}

/** `podwright operator`: runs the operator until it is told to stop. */
export async function operator(options: Options): Promise<void> {
  const without = parseParts(options.without);
  const images = parseImages(options.images);
  const scope = parseScope(options.scope);
  const [leaseNamespace, leaseName] = parseNames("--lease", options.lease);
  const webhook: NonNullable<OperatorOptions["webhook"]> = { port: parsePort("--webhook-port", options.webhookPort) };
  if (options.webhookService !== undefined) {
    const [namespace, name] = parseNames("--webhook-service", options.webhookService);
    webhook.address = { service: { namespace, name } };
    webhook.host = "0.0.0.0";
  } else if (options.webhookUrl !== undefined) {
    if (!URL.canParse(options.webhookUrl) || new URL(options.webhookUrl).protocol !== "https:") {
      throw new CommandError(`--webhook-url ${options.webhookUrl}: give an https URL`, 2);
    }
    webhook.address = { url: options.webhookUrl.replace(/\/$/, "") };
  }
  if (options.webhookHost !== undefined) webhook.host = options.webhookHost;
  if (options.webhookSecret !== undefined) {
    const [namespace, name] = parseNames("--webhook-secret", options.webhookSecret);
    webhook.certificateSecret = { namespace, name };
  }

  const config = connectionOf(options);
  const client = new Client(new HttpTransport(config), { userAgent: "podwright" });
  const helm = await openHelmConnection(options);
  try {
    const running = await start(
      {
        client,
        without,
        webhook,
        owner: options.webhookOwner,
        pack: { helm, cacheDir: resolve(options.cacheDir ?? defaultCacheDir()) },
        fresh: { scope, images },
        leaderElection: { namespace: leaseNamespace, name: leaseName },
        onError: (error) => console.error("podwright:", error),
      },
      config.server,
    );
    const stopped = untilStopped();
    console.log(`Podwright works on ${config.server}. Ctrl-C stops it.`);
    await stopped;
    await running.stop();
  } finally {
    await client.close();
    await helm.close();
  }
}

/** Starts the operator; what a person can mend becomes a line that says how. */
async function start(options: OperatorOptions & { owner: string | undefined }, server: string): Promise<Operator> {
  try {
    const { owner, webhook, ...rest } = options;
    return await startOperator({
      ...rest,
      webhook: { ...webhook, ...(owner !== undefined ? { owner: await clusterRole(options.client, owner) } : {}) },
    });
  } catch (error) {
    if (error instanceof TransportError) {
      const { message } = (error.cause as Error | undefined) ?? error;
      throw new CommandError(
        `no answer from ${server} (${message || error.code}): start that cluster, or name another with --kubeconfig or --context`,
      );
    }
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === "listen" && (code === "EADDRINUSE" || code === "EACCES")) {
      throw new CommandError(
        `port ${options.webhook?.port} cannot be listened on (${code}): choose another with --webhook-port N (0 = any free)`,
      );
    }
    throw error;
  }
}

async function clusterRole(client: Client, name: string): Promise<OwnerReference> {
  const { metadata } = await client.resource(clusterRoles).get(name);
  return { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", name, uid: metadata.uid as string };
}

function parseScope(text: string): "all" | "opt-in" {
  if (text === "all" || text === "opt-in") return text;
  throw new CommandError(`--scope ${text}: there is opt-in and all`, 2);
}

/** "namespace/name" of a flag. */
function parseNames(flag: string, text: string): [namespace: string, name: string] {
  const [namespace, name, ...rest] = text.split("/");
  if (!namespace || !name || rest.length > 0) {
    throw new CommandError(`${flag} ${text}: give it as namespace/name`, 2);
  }
  return [namespace, name];
}
