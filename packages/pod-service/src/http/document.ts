import swagger from "@fastify/swagger";
import Fastify from "fastify";
import { addLinks, type Paths } from "./links.ts";
import { tenantRoutes } from "./tenant-routes.ts";

const openApiBase = {
  openapi: "3.1.0",
  info: {
    title: "Podwright pod service",
    version: "0.1.0",
    description:
      "Tenants ask for pods over HTTP. The same paths are served below /service/v1, where answers have upstream's names of members too.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  servers: [{ url: "/" }],
  components: {
    securitySchemes: {
      token: { type: "http", scheme: "bearer", description: "A token of a tenant." },
      moopkey: { type: "apiKey", in: "header", name: "moopkey", description: "The key shared by all callers." },
    },
  },
  security: [{ token: [] }, { moopkey: [] }],
};

/** Upstream's paths. */
const upstreamPrefix = "/service/v1";

/**
 * The OpenAPI document, from the routes themselves: they are put into an app that serves nobody. Built when somebody
 * asks for it, for few do.
 */
export async function buildDocument(): Promise<{ paths: Paths }> {
  const app = Fastify();
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  await app.register(swagger, { openapi: openApiBase as never });
  for (const prefix of ["", upstreamPrefix]) {
    // Only handlers look at what they are given.
    await app.register(async (scope) => tenantRoutes(scope, {} as never), { prefix });
  }
  await app.ready();
  const document = app.swagger() as unknown as { paths: Paths };
  await app.close();
  const { paths } = document;
  // No two operations have one id.
  for (const [path, operations] of Object.entries(paths)) {
    if (!path.startsWith(upstreamPrefix)) continue;
    for (const operation of Object.values(operations)) operation.operationId += "V1";
  }
  addLinks(paths, "", "");
  addLinks(paths, upstreamPrefix, "V1");
  return document;
}
