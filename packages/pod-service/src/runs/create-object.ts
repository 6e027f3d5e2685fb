import { type Client, jobs, pods, TransportError, withoutManagedFields } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { compareQuantities } from "@podwright/kube/quantity";
import { StatusError } from "@podwright/kube/status";
import { Problem } from "../problem.ts";
import { fingerprintAnnotation, requestAnnotation } from "./names.ts";
import type { Attempt, QueuedRun } from "./queued-run.ts";

/**
 * Creates a run's object. Safe to call again with the same item, whatever happened the last time: an object of that
 * name with this request's annotation is this request's. The object has no managedFields.
 */
export async function createObject(client: Client, item: QueuedRun): Promise<Attempt> {
  const resource = client.resource(item.object.kind === "Job" ? jobs : pods);
  try {
    const object = withoutManagedFields(await resource.create(item.object));
    return { result: "created", object };
  } catch (error) {
    if (!(error instanceof StatusError) || error.reason !== "AlreadyExists") return attemptOf(error, item.name);
  }
  try {
    const there = withoutManagedFields(await resource.get(item.name, item.object.metadata.namespace));
    if (isSameRequest(there, item.object)) return { result: "created", object: there };
    return { result: "refused", problem: new Problem("conflict", `there is a ${there.kind} ${item.name} already`) };
  } catch (error) {
    return { result: "unavailable", problem: clusterProblem(error) };
  }
}

/** Whether two objects were asked for by one request, or by repetitions of it. */
function isSameRequest(a: KubeObject, b: KubeObject): boolean {
  const [ofA, ofB] = [a.metadata.annotations ?? {}, b.metadata.annotations ?? {}];
  return [requestAnnotation, fingerprintAnnotation].some((name) => ofA[name] !== undefined && ofA[name] === ofB[name]);
}

function attemptOf(error: unknown, name: string): Attempt {
  if (!(error instanceof StatusError)) return { result: "unavailable", problem: clusterProblem(error) };
  const { code, message } = error;
  if (code >= 500 || code === 429 || code === 401 || code === 408) {
    return { result: "unavailable", problem: clusterProblem(error) };
  }
  if (code === 403 && message.includes("exceeded quota") && mayFit(message)) return { result: "full", message };
  return { result: "refused", problem: refusal(error, name) };
}

/** What the API server's refusal is to the caller. */
function refusal(error: StatusError, name: string): Problem {
  const { code, message } = error;
  if (code === 409) return new Problem("conflict", message);
  if (code === 403 && /is forbidden: User "/.test(message)) {
    return new Problem("cluster_failed", "the service has no right to do this in the tenant's namespace", {
      cause: error,
    });
  }
  if (code === 404) return new Problem("refused", "the tenant's namespace does not exist", { cause: error });
  const causes = error.status.details?.causes ?? [];
  const errors = causes.map((cause) => ({
    field: cause.field ?? "",
    message: cause.message ?? "",
    ...(cause.reason === undefined ? {} : { reason: cause.reason }),
  }));
  return new Problem("refused", message || `the cluster refuses ${name}`, {
    ...(errors.length > 0 ? { errors } : {}),
    cause: error,
  });
}

/** Whether a run that is over its quota now could be within it when others have ended. */
function mayFit(message: string): boolean {
  const amounts = (part: string): Map<string, string> => {
    const list = new RegExp(`${part}: ([^ ]+?)(,? (used|limited):|$)`).exec(message)?.[1] ?? "";
    return new Map(list.split(",").map((pair) => pair.split("=") as [string, string]));
  };
  const limited = amounts("limited");
  for (const [resource, wanted] of amounts("requested")) {
    const limit = limited.get(resource);
    if (limit === undefined || wanted === undefined) continue;
    if (isMore(wanted, limit)) return false;
  }
  return true;
}

function isMore(a: string, b: string): boolean {
  try {
    return compareQuantities(a, b) > 0;
  } catch {
    return false;
  }
}

/** An error of the client's as a problem: a refusal, a cluster that fails, or one that does not answer. */
export function clusterProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const cause = { cause: error };
  if (error instanceof StatusError) {
    if (error.code === 404) return new Problem("not_found", "there is no such run", cause);
    if (error.code === 409) return new Problem("conflict", error.message, cause);
    if (error.code === 504) return new Problem("cluster_timeout", "the cluster did not answer in time", cause);
    return new Problem("cluster_failed", `the cluster answered with ${error.code}`, cause);
  }
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (name === "TimeoutError" || (error instanceof TransportError && code === "ETIMEDOUT")) {
    return new Problem("cluster_timeout", "the cluster did not answer in time", cause);
  }
  return new Problem("cluster_failed", "the cluster cannot be reached", { ...cause, retryAfterSeconds: 5 });
}
