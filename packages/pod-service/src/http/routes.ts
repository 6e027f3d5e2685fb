import type { IncomingMessage, ServerResponse } from "node:http";
import type { Client, Clock } from "@podwright/client";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Gate } from "../access/access.ts";
import type { ServiceConfig } from "../config.ts";
import type { Metrics } from "../metrics.ts";
import { Problem } from "../problem.ts";
import type { ClusterEvents } from "../runs/cluster-events.ts";
import type { Runs } from "../runs/runs.ts";
import { digestOf, type TenantSource } from "../tenants/tenant.ts";
import { DocsPage } from "./docs-page.ts";
import type { EventStreams } from "./event-stream.ts";
import { tenantRoutes } from "./tenant-routes.ts";

export interface RoutesOptions {
  config: ServiceConfig;
  tenants: TenantSource;
  runs: Runs;
  client: Client;
  clock: Clock;
  metrics: Metrics;
  streams: EventStreams;
  clusterEvents: ClusterEvents;
  /** Whether the service can do its work. */
  ready: () => boolean;
}

/** Puts the service's routes into the app, and what is true of all of them. */
export async function addRoutes(app: FastifyInstance, options: RoutesOptions): Promise<void> {
  const { clock, client, clusterEvents, config, metrics, runs, streams, tenants } = options;
  const { default: rateLimit } = await import("@fastify/rate-limit");
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    metrics.requests.inc({ method: request.method, route, status: reply.statusCode });
    metrics.requestSeconds.observe({ method: request.method, route }, reply.elapsedTime / 1000);
    logRequest(request, reply.statusCode, reply.elapsedTime);
  });
  await app.register(rateLimit, {
    max: config.rateLimit,
    timeWindow: 1000,
    cache: 10_000,
    keyGenerator: callerOf,
    allowList: (request) => ["/healthz", "/readyz"].includes(request.url),
    addHeaders: {
      "x-ratelimit-limit": false,
      "x-ratelimit-remaining": false,
      "x-ratelimit-reset": false,
      "retry-after": false,
    },
    addHeadersOnExceeding: { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false },
    errorResponseBuilder: () =>
      new Problem("rate_limited", `more than ${config.rateLimit} requests a second`, { retryAfterSeconds: 1 }),
  });
  if (config.corsOrigins.length > 0) {
    const { default: cors } = await import("@fastify/cors");
    await app.register(cors, {
      origin: config.corsOrigins.includes("*") ? "*" : config.corsOrigins,
      exposedHeaders: ["location", "retry-after", "x-request-id"],
    });
  }
  const { moopkey } = config;
  const gate = new Gate({ tenants, anonymous: config.anonymous, ...(moopkey === undefined ? {} : { moopkey }) });
  for (const prefix of ["", "/service/v1"]) {
    const shared = { gate, runs, client, streams, clusterEvents, clock, upstream: prefix !== "" };
    await app.register(async (scope) => tenantRoutes(scope, shared), { prefix });
  }
  serviceRoutes(app, options);
  await app.ready();
}

function serviceRoutes(app: FastifyInstance, { metrics, ready }: RoutesOptions): void {
  const hide = { schema: { hide: true } };
  let document: Promise<Record<string, unknown>> | undefined;
  const documented = (): Promise<Record<string, unknown>> => {
    document ??= import("./document.ts").then(({ buildDocument }) => buildDocument());
    return document;
  };
  app.get("/healthz", hide, async (_request, reply) => reply.type("text/plain").send("ok"));
  app.get("/readyz", hide, async (_request, reply) => {
    const isReady = ready();
    return reply
      .code(isReady ? 200 : 503)
      .type("text/plain")
      .send(isReady ? "ok" : "not ready");
  });
  app.get("/metrics", hide, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  app.get("/openapi.json", hide, async (_request, reply) => {
    return reply.header("content-type", "application/json; charset=utf-8").send(JSON.stringify(await documented()));
  });
  const docs = new DocsPage(documented);
  app.addHook("onClose", () => docs.close());
  const page = async (request: FastifyRequest, reply: { hijack(): void; raw: ServerResponse }): Promise<void> => {
    reply.hijack();
    await docs.handle(request.raw as IncomingMessage, reply.raw);
  };
  app.get("/docs", hide, page);
  app.get("/docs/*", hide, page);
}

/** Callers are told apart by their credentials, of which only a digest is kept, or by their address. */
function callerOf(request: FastifyRequest): string {
  const { authorization, moopkey } = request.headers;
  const secret = authorization ?? (typeof moopkey === "string" ? moopkey : undefined);
  return secret === undefined ? request.ip : `${request.ip} ${digestOf(secret).toString("base64")}`;
}

/** No header, query or body is logged: they may hold secrets, and commands do. */
function logRequest(request: FastifyRequest, status: number, ms: number): void {
  request.log.info({
    method: request.method,
    path: request.url.split("?", 1)[0],
    status,
    ms: Math.round(ms * 10) / 10,
    ...(request.tenantId === undefined ? {} : { tenant: request.tenantId }),
    ...(request.runName === undefined ? {} : { run: request.runName }),
  });
}
