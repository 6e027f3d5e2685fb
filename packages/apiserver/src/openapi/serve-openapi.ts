import type { ResourceRegistry } from "../resources/resource.ts";
import type { PathHandler } from "../server.ts";
import type { OpenApi } from "./openapi.ts";

/** Serves /openapi/v3. What makes the documents is loaded for the first who asks. */
export function serveOpenApi(registry: ResourceRegistry): PathHandler {
  let loading: Promise<OpenApi> | undefined;
  return async ({ path, query, headers }) => {
    if (path !== "/openapi/v3" && !path.startsWith("/openapi/v3/")) return undefined;
    loading ??= import("./openapi.ts").then(({ OpenApi }) => new OpenApi(registry));
    return (await loading).handle(path, query, headers);
  };
}
