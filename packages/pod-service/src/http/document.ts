import swagger from "@fastify/swagger";
import Fastify from "fastify";
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

/**
 * The OpenAPI document, from the routes themselves: they are put into an app that serves nobody. Built when somebody
 * asks for it, for few do.
 */
export async function buildDocument(): Promise<Record<string, unknown>> {
  const app = Fastify();
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  await app.register(swagger, { openapi: openApiBase as never });
  for (const prefix of ["", "/service/v1"]) {
    // Only handlers look at what they are given.
    await app.register(async (scope) => tenantRoutes(scope, {} as never), { prefix });
  }
  await app.ready();
  const document = app.swagger() as unknown as Record<string, unknown>;
  await app.close();
  return document;
}
