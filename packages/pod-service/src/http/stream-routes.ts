import type { Client } from "@podwright/client";
import type { FastifyInstance } from "fastify";
import { Problem } from "../problem.ts";
import type { ClusterEvents } from "../runs/cluster-events.ts";
import { failures, notFound, problem } from "./documented-failures.ts";
import type { EventStreams } from "./event-stream.ts";
import { sendEvents } from "./events-route.ts";
import { sendLog } from "./log-route.ts";
import { type RunAccessOptions, runAccess } from "./run-access.ts";
import * as schemas from "./schemas.ts";

export interface StreamRoutesOptions extends RunAccessOptions {
  client: Client;
  streams: EventStreams;
  clusterEvents: ClusterEvents;
}

const tags = ["pods"];

/** The routes of what goes on: logs and events. */
export function streamRoutes(app: FastifyInstance, options: StreamRoutesOptions): void {
  const { client, clusterEvents, runs, streams } = options;
  const { enter, find } = runAccess(options);

  app.get(
    "/pods/:name/log",
    {
      schema: {
        tags,
        operationId: "getPodLog",
        summary: "A run's log: as text, or as server-sent events when Accept asks for text/event-stream",
        params: schemas.nameParams,
        querystring: schemas.logQuery,
        response: {
          200: {
            description: "The log.",
            content: {
              "text/plain": { schema: { type: "string" } },
              "text/event-stream": { schema: schemas.logEvent },
            },
          },
          ...failures,
          ...notFound,
          409: problem("There is no log yet."),
        },
      },
    },
    async (request, reply) => {
      const query = request.query as schemas.LogQuery;
      const { name } = request.params as schemas.NameParams;
      const access = await enter(request, query.tenant);
      const found = find(access, name);
      const asEvents = (request.headers.accept ?? "").includes("text/event-stream");
      // Who follows a log follows its run.
      const end = query.follow === true ? runs.watchers.watch(access.tenant.id, name, () => {}) : () => {};
      reply.raw.once("close", end);
      await sendLog({
        asEvents,
        client,
        found,
        query,
        response: reply.raw,
        streams,
        headers: { "x-request-id": request.id },
      }).catch((error: unknown) => {
        end();
        throw error;
      });
      reply.hijack();
      return reply;
    },
  );

  app.get(
    "/pods/:name/events",
    {
      schema: {
        tags,
        operationId: "getPodEvents",
        summary: "What happens to a run, as server-sent events: its state now, each change of it, and its end",
        description:
          "Events named state carry the run, those named cluster what the cluster tells of its pod; the last one is named end. A client that comes back with Last-Event-ID is told the newest state at once.",
        params: schemas.nameParams,
        querystring: schemas.tenantQuery,
        response: {
          200: { description: "The events.", content: { "text/event-stream": { schema: schemas.runEvent } } },
          ...failures,
          ...notFound,
        },
      },
    },
    async (request, reply) => {
      const { name } = request.params as schemas.NameParams;
      const access = await enter(request, (request.query as schemas.TenantQuery).tenant);
      const found = find(access, name);
      if (streams.full) throw new Problem("rate_limited", "too many event streams are open", { retryAfterSeconds: 10 });
      reply.hijack();
      const lastEventId = request.headers["last-event-id"];
      sendEvents({
        runs,
        clusterEvents,
        streams,
        tenant: access.tenant.id,
        found,
        lastEventId: typeof lastEventId === "string" ? lastEventId : undefined,
        response: reply.raw,
      });
    },
  );
}
