import type { IncomingMessage, ServerResponse } from "node:http";
import Fastify, { type FastifyInstance } from "fastify";

/** The page to try the API at. It is loaded when somebody opens it: few do, and it is large. */
export class DocsPage {
  readonly #document: () => Promise<Record<string, unknown>>;
  #app: Promise<FastifyInstance> | undefined;

  constructor(document: () => Promise<Record<string, unknown>>) {
    this.#document = document;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#app ??= this.#load();
    (await this.#app).routing(request, response);
  }

  async close(): Promise<void> {
    await (await this.#app)?.close();
  }

  async #load(): Promise<FastifyInstance> {
    const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
      import("@fastify/swagger"),
      import("@fastify/swagger-ui"),
    ]);
    const app = Fastify({ routerOptions: { ignoreTrailingSlash: true } });
    await app.register(swagger, { mode: "static", specification: { document: (await this.#document()) as never } });
    await app.register(swaggerUi, {
      routePrefix: "/docs",
      staticCSP: true,
      transformStaticCSP: withoutUpgrade,
      uiConfig: { tryItOutEnabled: true, layout: "BaseLayout" },
      theme: { title: "Podwright pod service" },
    });
    await app.ready();
    return app;
  }
}

/** The service speaks http: browsers must not be told to ask for the page's parts by https. */
function withoutUpgrade(header: string): string {
  return header.replace(/ *upgrade-insecure-requests;?/, "");
}
