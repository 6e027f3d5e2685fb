import {
  fieldError,
  formatFieldError,
  formatTime,
  joinMessages,
  type KubeObject,
  status,
  successStatus,
} from "@podwright/kube";
import { objectKey, type ResourceRequest, type ServerParts } from "../context.ts";
import { decodeBody } from "../decoding/body.ts";
import { plainError } from "../output/plain-error.ts";
import { encoded, parseStored } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import type { Resource } from "../resources/resource.ts";
import { ensureNamespace } from "../verbs/create.ts";
import { encodeStored, storedAttributes } from "../verbs/stored-object.ts";
import { parseWriteOptions, type WriteOptions } from "../verbs/write-options.ts";

/** POST of a Binding to pods/NAME/binding: gives the pod its node (k8s.io/kubernetes/pkg/registry/core/pod/storage/storage.go). */
export async function bindPod(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  return await bind(parts, request, request.resource, request.name);
}

/** POST of a Binding to bindings: the pod is the one it is named after. */
export async function createBinding(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const pods = parts.registry.lookup("", "v1", "pods");
  if (pods === undefined) throw status.pathNotFound();
  return await bind(parts, request, pods, undefined);
}

async function bind(
  parts: ServerParts,
  request: ResourceRequest,
  pods: Resource,
  podName: string | undefined,
): Promise<ApiResponse> {
  const options = parseWriteOptions(request.request.query, "CreateOptions");
  const kind = { group: "", version: "v1", kind: "Binding", custom: false };
  const binding = decodeBody(request.request, kind, options.fieldValidation, request.warnings);
  ensureNamespace(binding, request.namespace);
  const name = podName ?? binding.metadata.name ?? "";
  if (podName !== undefined && binding.metadata.name !== podName) {
    throw status.badRequest("name in URL does not match name in Binding object");
  }
  const errors = validateBinding(binding);
  if (errors.length > 0) throw plainError(joinMessages(errors.map(formatFieldError)));
  const attributes = {
    operation: "CREATE",
    resource: pods,
    subresource: "binding",
    name,
    namespace: request.namespace,
    object: binding,
    user: request.user,
    dryRun: options.dryRun,
    options: options.object,
    warn: (text: string) => request.warnings.add(text),
  } as const;
  await parts.admission.mutate(attributes);
  await parts.admission.validate(attributes);
  await assign(parts, pods, { namespace: request.namespace, name, binding, options });
  return encoded(201, { ...successStatus(), code: 201 }, request.output);
}

function validateBinding(binding: KubeObject) {
  const target: { kind?: string; name?: string } = binding["target"] ?? {};
  const errors = [];
  if (target.kind && target.kind !== "Node") {
    errors.push(fieldError.notSupported("target.kind", target.kind, ["Node", "<empty>"]));
  }
  if (!target.name) errors.push(fieldError.required("target.name"));
  return errors;
}

interface Assignment {
  namespace: string;
  name: string;
  binding: KubeObject;
  options: WriteOptions;
}

async function assign({ storage, clock }: ServerParts, pods: Resource, assignment: Assignment): Promise<void> {
  const { namespace, name, binding, options } = assignment;
  const key = objectKey(pods, namespace, name);
  if (options.dryRun) {
    const current = storage.get(key);
    if (current === undefined) throw status.notFound({ group: "", resource: "pods" }, name);
    assigned(parseStored(current.value), binding, clock.now());
    return;
  }
  await storage.write(key, (current) => {
    if (current === undefined) throw status.notFound({ group: "", resource: "pods" }, name);
    const pod = assigned(parseStored(current.value), binding, clock.now());
    return {
      type: "put",
      ...storedAttributes(pods, pod),
      encode: (revision) => encodeStored(pod, revision),
    };
  });
}

interface Condition {
  type: string;
  status: string;
  lastProbeTime?: string | null;
  lastTransitionTime?: string;
}

/** The pod on its node. Changes the pod. Throws 409 when it cannot go there. */
function assigned(pod: KubeObject, binding: KubeObject, now: number): KubeObject {
  const refuse = (message: string) =>
    status.conflict({ group: "", resource: "pods/binding" }, pod.metadata.name ?? "", message);
  const { uid, resourceVersion, annotations, labels } = binding.metadata;
  if (uid && uid !== pod.metadata.uid) {
    throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`);
  }
  if (resourceVersion && resourceVersion !== pod.metadata.resourceVersion) {
    throw refuse(
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${pod.metadata.resourceVersion}`,
    );
  }
  const { name } = pod.metadata;
  const spec = pod["spec"];
  if (pod.metadata.deletionTimestamp !== undefined) {
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  }
  if (spec.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`);
  if (spec.schedulingGates?.length > 0) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  spec.nodeName = binding["target"].name;
  pod["status"] ??= {};
  delete pod["status"].nominatedNodeName;
  if (annotations !== undefined) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  if (labels !== undefined) pod.metadata.labels = { ...pod.metadata.labels, ...labels };
  const others = ((pod["status"].conditions ?? []) as Condition[]).filter(({ type }) => type !== "PodScheduled");
  const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: formatTime(now) };
  pod["status"].conditions = [...others, scheduled];
  return pod;
}
