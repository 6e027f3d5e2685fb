import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Client, type Clock, type Logger, systemClock } from "@podwright/client";
import type { FastifyBaseLogger } from "fastify";
import type { ServiceConfig } from "./config.ts";
import { createApp } from "./http/app.ts";
import { EventStreams } from "./http/event-stream.ts";
import { addRoutes } from "./http/routes.ts";
import { createMetrics } from "./metrics.ts";
import { ClusterEvents } from "./runs/cluster-events.ts";
import { Records } from "./runs/records.ts";
import { Runs } from "./runs/runs.ts";
import { startClusterTenants } from "./tenants/cluster-tenants.ts";
import { httpTenants } from "./tenants/http-tenants.ts";
import { putTenantCrd } from "./tenants/put-crd.ts";

export interface PodServiceOptions {
  config: ServiceConfig;
  /** To the cluster where the pods are made. Stays open when the service stops. */
  client: Client;
  clock?: Clock;
  /** Where the log goes; default the standard output. */
  logTo?: { write(line: string): void };
  /** A server that listens already. */
  server?: Server;
  /** How long a create may keep its caller waiting. Default 5 s. */
  answerWithinMs?: number;
}

/** The service at work. */
export interface PodService {
  /** "http://127.0.0.1:5020". */
  url: string;
  /** Takes nothing new, lets what is under way end (for so long at most), and stops. */
  stop(): Promise<void>;
}

/** Connections that the system takes before the service gets to them: of a thousand at once, none is to be reset. */
const backlog = 4096;

/** How long a stop waits for requests under way. */
const drainMs = 10_000;

/**
 * Starts the pod service. Resolves when it listens; it is ready when it knows the cluster, which /readyz tells.
 * Rejects with the system's error when the port or the data directory cannot be had.
 */
export async function startPodService(options: PodServiceOptions): Promise<PodService> {
  const { client, config, clock = systemClock } = options;
  const { logTo, server } = options;
  const app = createApp({
    config,
    ...(logTo === undefined ? {} : { logTo }),
    ...(server === undefined ? {} : { server }),
  });
  const { log } = app;
  const logger = clientLogger(log);
  // Undone in the reverse order, whatever was done so far.
  const undo: (() => unknown)[] = [];
  const stopAll = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const records = await Records.open({
      clock,
      historyDays: config.historyDays,
      onError: (error) => log.error({ err: String(error) }, "a record could not be written"),
      ...(config.dataDir === undefined ? {} : { dataDir: config.dataDir }),
    });
    undo.push(() => records.close());
    const streams = new EventStreams(clock);
    const clusterEvents = new ClusterEvents({ client, clock, logger });
    undo.push(() => clusterEvents.stop());
    const metrics = createMetrics({
      waiting: () => runs.queue.depth(),
      active: () => runs.live.active(),
      streams: () => streams.size,
      breakerOpen: () => tenants.breaker?.isOpen === true,
    });
    const tenants = await openTenants(config, {
      client,
      clock,
      logger,
      onCall: (outcome) => metrics.tenantCalls.inc({ outcome }),
    });
    undo.push(() => tenants.stop());
    const runs = new Runs({
      client,
      records,
      instance: config.instance,
      maxRuns: config.maxRuns,
      maxQueue: config.maxQueue,
      clock,
      logger,
      onCreate: (seconds, result) => metrics.creates.observe({ result }, seconds),
      ...(options.answerWithinMs === undefined ? {} : { answerWithinMs: options.answerWithinMs }),
    });
    undo.push(() => runs.stop());
    runs.start();
    let draining = false;
    undo.push(async () => {
      draining = true;
      streams.close();
      runs.watchers.endWaits();
      const timer = setTimeout(() => app.server.closeAllConnections(), drainMs);
      await app.close();
      clearTimeout(timer);
    });
    const ready = (): boolean => !draining && runs.live.hasSynced && tenants.ready();
    await addRoutes(app, { config, tenants, runs, client, clock, metrics, streams, ready, clusterEvents });
    if (server === undefined) await app.listen({ host: config.host, port: config.port, backlog });
    const { address, family, port } = app.server.address() as AddressInfo;
    return { url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`, stop: stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function openTenants(
  config: ServiceConfig,
  context: { client: Client; clock: Clock; logger: Logger; onCall: (outcome: string) => void },
) {
  const { tenantServiceUrl: url, moopkey } = config;
  if (url !== undefined) return httpTenants({ url, ...context, ...(moopkey === undefined ? {} : { moopkey }) });
  await putTenantCrd(context.client);
  return { ...(await startClusterTenants(context)), breaker: undefined };
}

/** pino takes the fields first. */
function clientLogger(log: FastifyBaseLogger): Logger {
  return {
    debug: (message, fields) => log.debug(fields, message),
    info: (message, fields) => log.info(fields, message),
    warn: (message, fields) => log.warn(fields, message),
    error: (message, fields) => log.error(fields, message),
  };
}
