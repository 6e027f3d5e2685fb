import { isJsonObject, successStatus } from "@podwright/kube";
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
  const kind = { group: "policy", version: "v1", kind: "Eviction", custom: false };
  const eviction = decodeBody(request.request, kind, fieldValidation, request.warnings);
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
