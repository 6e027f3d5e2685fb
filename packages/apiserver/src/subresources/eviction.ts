import { isJsonObject, status, successStatus } from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../context.ts";
import { decodeBody } from "../decoding/body.ts";
import { encoded } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import { ensureNamespace } from "../verbs/create.ts";
import { removeObject } from "../verbs/delete.ts";
import { parseDeleteOptions } from "../verbs/delete-options.ts";
import { parseWriteOptions } from "../verbs/write-options.ts";

/** POST of an Eviction to pods/NAME/eviction: deletes the pod as the deleteOptions in it say. Budgets are not looked at yet. */
export async function evictPod(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const { dryRun, fieldValidation } = parseWriteOptions(request.request.query, "CreateOptions");
  const struct = "io.k8s.api.policy.v1.Eviction";
  const kind = { group: "policy", version: "v1", kind: "Eviction", custom: false, struct };
  const eviction = decodeBody(request.request, kind, fieldValidation, request.warnings);
  // Unlike other kinds, an Eviction may come without metadata.
  eviction.metadata ??= {};
  if (eviction.metadata.name !== request.name) {
    throw status.badRequest("name in URL does not match name in Eviction object");
  }
  ensureNamespace(eviction, request.namespace);
  const given = eviction["deleteOptions"];
  const body = isJsonObject(given) ? { ...given, kind: "DeleteOptions", apiVersion: "v1" } : undefined;
  const options = parseDeleteOptions({
    ...request.request,
    query: new URLSearchParams(),
    body: body as unknown as undefined,
  });
  await removeObject(parts, request, request.name, { ...options, dryRun: dryRun || options.dryRun });
  return encoded(201, { ...successStatus(), code: 201 }, request.output);
}
