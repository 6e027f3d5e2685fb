interface Operation {
  operationId: string;
  responses: Record<string, { links?: Record<string, Link> }>;
}

interface Link {
  operationId: string;
  description: string;
  parameters: Record<string, string>;
}

/** Paths of an OpenAPI document: operations by path and method. */
export type Paths = Record<string, Record<string, Operation>>;

/**
 * Says in the document what may be asked next with what an answer tells: a run that was made leads to all that is
 * about it. The operations below `prefix` have ids that end with `suffix`.
 */
export function addLinks(paths: Paths, prefix: string, suffix: string): void {
  const thisRun = { "path.name": "$response.body#/run/name", "query.tenant": "$response.body#/run/tenant" };
  const link = (operation: string, description: string, parameters: Link["parameters"] = thisRun): Link => ({
    operationId: `${operation}${suffix}`,
    description,
    parameters,
  });
  const aboutRun = {
    read: link("getPod", "The run."),
    log: link("getPodLog", "Its log."),
    events: link("getPodEvents", "What happens to it."),
    end: link("deletePod", "Ends it."),
    endByName: link("deletePodByName", "Ends it (upstream's way).", {
      "query.name": thisRun["path.name"],
      "query.tenant": thisRun["query.tenant"],
    }),
  };
  const { responses } = paths[`${prefix}/pods`]!["post"]!;
  for (const status of ["201", "202"]) responses[status]!.links = aboutRun;
}
