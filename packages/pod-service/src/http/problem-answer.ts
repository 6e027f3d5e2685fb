import type { IncomingHttpHeaders } from "node:http";
import { TransportError } from "@podwright/client";
import { StatusError } from "@podwright/kube/status";
import type { FastifyError } from "fastify";
import { Problem } from "../problem.ts";
import { clusterProblem } from "../runs/create-object.ts";

export const problemType = "application/problem+json";

/** A problem as RFC 9457 has it, with the member that upstream's clients read. */
export function problemBody(problem: Problem, instance: string): Record<string, unknown> {
  const { code, errors, message, status, title } = problem;
  return {
    type: `https://podwright.dev/problems/${code.replaceAll("_", "-")}`,
    title,
    status,
    code,
    detail: message,
    error: message,
    instance,
    ...(errors === undefined ? {} : { errors }),
  };
}

/** Headers that go with it. */
export function problemHeaders(problem: Problem): Record<string, string> {
  return {
    ...(problem.retryAfterSeconds === undefined ? {} : { "retry-after": String(problem.retryAfterSeconds) }),
    ...(problem.status === 401 ? { "www-authenticate": 'Bearer realm="podwright"' } : {}),
  };
}

/** Whatever was thrown as a problem. What nobody foresaw says nothing of itself to the caller. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StatusError || error instanceof TransportError) return clusterProblem(error);
  const { code, statusCode, validation, validationContext, message } = error as Partial<FastifyError>;
  if (validation !== undefined) {
    const errors = validation.map(({ instancePath, params, message: what }) => {
      const path = instancePath
        .slice(1)
        .replace(/\/(\d+)/g, "[$1]")
        .replaceAll("/", ".");
      const missing = (params as { missingProperty?: string }).missingProperty;
      const field = [path, missing].filter(Boolean).join(".") || String(validationContext ?? "body");
      const allowed = (params as { allowedValues?: unknown[] }).allowedValues;
      return {
        field,
        message:
          missing !== undefined ? "is missing" : `${what}${allowed === undefined ? "" : `: ${allowed.join(", ")}`}`,
      };
    });
    const text = errors.map(({ field, message: what }) => `${field} ${what}`).join("; ");
    return new Problem("invalid_request", text, { errors });
  }
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return new Problem("too_large", "the body is too large");
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return new Problem("unsupported_media_type", "send application/json");
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Problem("invalid_request", message ?? "the request is not valid");
  }
  return new Problem("internal", "the service failed: see its log for this request's id", { cause: error });
}

/** An id that a caller gave for a request, when it is fit for a log. */
export function givenRequestId(headers: IncomingHttpHeaders): string | undefined {
  const given = headers["x-request-id"];
  return typeof given === "string" && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : undefined;
}
