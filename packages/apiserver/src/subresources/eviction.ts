import { formatTime, isJsonObject, type KubeObject, status, successStatus } from "@podwright/kube";
import { objectKey, type ResourceRequest, type ServerParts } from "../context.ts";
import { decodeBody } from "../decoding/body.ts";
import { encoded, parseStored } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import { ensureNamespace } from "../verbs/create.ts";
import { removeObject } from "../verbs/delete.ts";
import { type DeleteOptions, parseDeleteOptions } from "../verbs/delete-options.ts";
import { encodeStored, storedAttributes } from "../verbs/stored-object.ts";
import { parseWriteOptions } from "../verbs/write-options.ts";
import { allowEviction } from "./disruption-budget.ts";

/**
 * POST of an Eviction to pods/NAME/eviction: deletes the pod as the deleteOptions in it say, if its
 * PodDisruptionBudget allows (k8s.io/kubernetes/pkg/registry/core/pod/storage/eviction.go).
 */
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
  const asked = { ...options, dryRun: dryRun || options.dryRun };
  const allowed = await allowEviction(parts, request, asked);
  const marked = asked.dryRun ? allowed : await markEvicted(parts, request, allowed);
  await removeObject(parts, request, request.name, marked);
  return encoded(201, { ...successStatus(), code: 201 }, request.output);
}

/** The pod says why it goes. Gives the options with what this changed of their precondition. */
async function markEvicted(
  { storage, clock }: ServerParts,
  { resource, namespace, name }: ResourceRequest,
  options: DeleteOptions,
): Promise<DeleteOptions> {
  const { preconditions } = options;
  const { object } = await storage.write(objectKey(resource, namespace, name), (current) => {
    if (current === undefined) throw status.notFound({ group: "", resource: "pods" }, name);
    const pod = parseStored(current.value);
    checkPreconditions(pod, preconditions);
    const conditions: EvictionCondition[] = pod["status"]?.conditions ?? [];
    const old = conditions.find(({ type }) => type === "DisruptionTarget");
    const condition = {
      type: "DisruptionTarget",
      status: "True",
      lastProbeTime: null,
      lastTransitionTime: (old?.status === "True" ? old.lastTransitionTime : undefined) ?? formatTime(clock.now()),
      reason: "EvictionByEvictionAPI",
      message: "Eviction API: evicting",
    };
    pod["status"] = { ...pod["status"], conditions: [...conditions.filter((each) => each !== old), condition] };
    return {
      type: "put",
      ...storedAttributes(resource, pod),
      encode: (revision) => encodeStored(pod, revision),
    };
  });
  if (preconditions?.resourceVersion === undefined) return options;
  const resourceVersion = String(object?.revision ?? preconditions.resourceVersion);
  return { ...options, preconditions: { ...preconditions, resourceVersion } };
}

interface EvictionCondition {
  type: string;
  status: string;
  lastTransitionTime?: string;
}

function checkPreconditions({ metadata }: KubeObject, preconditions: DeleteOptions["preconditions"]): void {
  const { uid, resourceVersion } = preconditions ?? {};
  const refuse = (message: string) => status.conflict({ group: "", resource: "Pod" }, metadata.name ?? "", message);
  if (uid && uid !== metadata.uid) {
    throw refuse(
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion && resourceVersion !== metadata.resourceVersion) {
    throw refuse(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
  }
}
