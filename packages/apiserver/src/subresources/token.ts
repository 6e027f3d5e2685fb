import { type FieldError, fieldError, formatTime, type KubeObject, parseApiVersion, status } from "@podwright/kube";
import type { ServiceAccountIdentity } from "../authentication/service-account-tokens.ts";
import { objectKey, type ResourceRequest, type ServerParts } from "../context.ts";
import { decodeBody } from "../decoding/body.ts";
import { encoded, parseStored } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import { parseWriteOptions } from "../verbs/write-options.ts";

const tokenRequest = {
  group: "authentication.k8s.io",
  version: "v1",
  kind: "TokenRequest",
  custom: false,
  struct: "io.k8s.api.authentication.v1.TokenRequest",
};
const minSeconds = 600;
const maxSeconds = 2 ** 32;
const defaultSeconds = 3600;

/** POST of a TokenRequest to serviceaccounts/NAME/token (k8s.io/kubernetes/pkg/registry/core/serviceaccount/storage/token.go). */
export async function requestToken(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const { serviceAccountTokens: tokens, storage, clock } = parts;
  if (tokens === undefined) throw status.pathNotFound();
  const { resource, namespace, name } = request;
  const { fieldValidation, dryRun, object: options } = parseWriteOptions(request.request.query, "CreateOptions");
  const wanted = decodeBody(request.request, tokenRequest, fieldValidation, request.warnings);
  const spec = wanted["spec"] ?? {};
  const stored = storage.get(objectKey(resource, namespace, name));
  if (stored === undefined) throw status.notFound({ group: "", resource: "serviceaccounts" }, name);
  const account = parseStored(stored.value);
  const expirationSeconds: number = spec.expirationSeconds ?? defaultSeconds;
  const errors = [...validateMetadata(wanted, namespace, name), ...validateExpiration(expirationSeconds)];
  if (errors.length > 0) throw status.invalid(tokenRequest, "", errors);
  const audiences: string[] = spec.audiences?.length > 0 ? spec.audiences : [...tokens.audiences];
  const attributes = {
    operation: "CREATE",
    resource,
    subresource: "token",
    name,
    namespace,
    object: wanted,
    user: request.user,
    dryRun,
    options,
    warn: (text: string) => request.warnings.add(text),
  } as const;
  await parts.admission.mutate(attributes);
  await parts.admission.validate(attributes);
  const identity = identityOf(parts, account, spec.boundObjectRef ?? undefined);
  const now = clock.now();
  const { token, expiresAt } = tokens.issue(identity, audiences, expirationSeconds, now);
  const answer = {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { name, namespace, uid: account.metadata.uid, creationTimestamp: formatTime(now) },
    spec: { audiences, expirationSeconds, boundObjectRef: spec.boundObjectRef ?? null },
    status: { token, expirationTimestamp: formatTime(expiresAt) },
  };
  return encoded(201, answer, request.output);
}

function validateMetadata({ metadata }: KubeObject, namespace: string, name: string): FieldError[] {
  const errors: FieldError[] = [];
  if (metadata?.name && metadata.name !== name) {
    errors.push(fieldError.invalid("metadata.name", metadata.name, "must match the service account name if specified"));
  }
  if (metadata?.namespace && metadata.namespace !== namespace) {
    errors.push(
      fieldError.invalid(
        "metadata.namespace",
        metadata.namespace,
        "must match the service account namespace if specified",
      ),
    );
  }
  return errors;
}

function validateExpiration(seconds: number): FieldError[] {
  const path = "spec.expirationSeconds";
  if (seconds < minSeconds) {
    return [fieldError.invalid(path, seconds, "may not specify a duration less than 10 minutes")];
  }
  return seconds > maxSeconds
    ? [fieldError.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")]
    : [];
}

interface ObjectReference {
  apiVersion?: string;
  kind?: string;
  name?: string;
  uid?: string;
}

/** The account, and the object whose end ends the token. Throws 400, 404 and 409 Statuses. */
function identityOf(
  { storage }: ServerParts,
  account: KubeObject,
  reference: ObjectReference | undefined,
): ServiceAccountIdentity {
  const { namespace = "", name = "", uid = "" } = account.metadata;
  const identity: ServiceAccountIdentity = { namespace, name, uid };
  if (reference === undefined) return identity;
  const { kind = "", apiVersion = "" } = reference;
  const plural = parseApiVersion(apiVersion).group === "" ? boundKinds[kind] : undefined;
  if (plural === undefined) {
    const { group, version } = parseApiVersion(apiVersion);
    throw status.badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
  }
  const boundName = reference.name ?? "";
  const key = kind === "Node" ? `//nodes/${boundName}` : `//${plural}/${namespace}/${boundName}`;
  const stored = storage.get(key);
  if (stored === undefined) throw status.notFound({ group: "", resource: plural }, boundName);
  const bound = parseStored(stored.value);
  const boundUid = bound.metadata.uid ?? "";
  if (reference.uid && reference.uid !== boundUid) {
    throw status.conflict(
      { group: "", resource: kind },
      boundName,
      `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (kind === "Secret") return { ...identity, secret: { name: boundName, uid: boundUid } };
  if (kind === "Node") return { ...identity, node: { name: boundName, uid: boundUid } };
  if (bound["spec"].serviceAccountName !== name) {
    throw status.badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
    );
  }
  return { ...identity, pod: { name: boundName, uid: boundUid }, ...nodeOf(storage, bound["spec"].nodeName) };
}

const boundKinds: Readonly<Record<string, string>> = { Pod: "pods", Secret: "secrets", Node: "nodes" };

function nodeOf(storage: ServerParts["storage"], name: string | undefined): Pick<ServiceAccountIdentity, "node"> {
  if (!name) return {};
  const stored = storage.get(`//nodes/${name}`);
  const uid = stored && parseStored(stored.value).metadata.uid;
  return { node: { name, ...(uid !== undefined && { uid }) } };
}
