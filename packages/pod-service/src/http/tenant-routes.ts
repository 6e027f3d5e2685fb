import type { FastifyInstance } from "fastify";
import { type PodRoutesOptions, podRoutes } from "./pod-routes.ts";
import { type StreamRoutesOptions, streamRoutes } from "./stream-routes.ts";
import { templateRoutes } from "./template-routes.ts";

/** All that tenants may ask for, below one prefix. */
export function tenantRoutes(app: FastifyInstance, options: PodRoutesOptions & StreamRoutesOptions): void {
  // Whoever has no credentials learns nothing of what the service would make of a request.
  app.addHook("onRequest", async (request) => options.gate.admit(request.headers));
  podRoutes(app, options);
  streamRoutes(app, options);
  templateRoutes(app, options);
}
