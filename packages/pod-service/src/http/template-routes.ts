import type { FastifyInstance } from "fastify";
import { compileTemplate } from "../templates/template.ts";
import { failures, notFound } from "./documented-failures.ts";
import { type RunAccessOptions, runAccess } from "./run-access.ts";
import * as schemas from "./schemas.ts";

/** What a tenant can ask for. */
export function templateRoutes(app: FastifyInstance, options: RunAccessOptions): void {
  const { enter } = runAccess(options);

  app.get(
    "/templates",
    {
      schema: {
        tags: ["templates"],
        operationId: "listTemplates",
        summary: "The tenant's templates and their parameters",
        querystring: schemas.tenantQuery,
        response: {
          200: { description: "The templates.", content: { "application/json": { schema: schemas.templatesAnswer } } },
          ...failures,
          ...notFound,
        },
      },
    },
    async (request, reply) => {
      const access = await enter(request, (request.query as schemas.TenantQuery).tenant);
      const { replacesThirdArgument, templates } = access.tenant;
      const items = Object.entries(templates)
        .filter(([name]) => access.allows(name))
        .map(([name, source]) => {
          try {
            const { command, parameters, ref } = compileTemplate(name, source, replacesThirdArgument);
            const takesCommand = command !== undefined;
            return {
              name,
              kind: ref.kind,
              takesCommand,
              ...(parameters === undefined ? {} : { parameters: parameters.schema }),
            };
          } catch (error) {
            return { name, error: (error as Error).message };
          }
        });
      reply.header("content-type", "application/json; charset=utf-8");
      return reply.send(JSON.stringify({ items }));
    },
  );
}
