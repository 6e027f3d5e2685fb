import { type JsonObject, type KubeObject, status } from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../../context.ts";

/**
 * Asks admission about a connection to an object, as webhooks see it: the operation CONNECT with the options of the query
 * as its object (k8s.io/apiserver/pkg/endpoints/handlers/rest.go, ConnectResource). Throws 400 for a dry run.
 */
export async function admitConnection(
  parts: ServerParts,
  request: ResourceRequest,
  kind: string,
  options: JsonObject,
): Promise<void> {
  if (request.request.query.getAll("dryRun").length > 0) throw status.badRequest("dryRun is not supported");
  const attributes = {
    operation: "CONNECT",
    resource: request.resource,
    subresource: request.route.subresource,
    name: request.name,
    namespace: request.namespace,
    // Options have no metadata, which an object of the API otherwise has.
    object: { kind, apiVersion: "v1", ...options } as unknown as KubeObject,
    user: request.user,
    dryRun: false,
    options: null as unknown as JsonObject,
    warn: (text: string) => request.warnings.add(text),
  } as const;
  await parts.admission.mutate(attributes);
  await parts.admission.validate(attributes);
}
