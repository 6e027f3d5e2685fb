/** Every failure the service answers with: its code, HTTP status and title. docs/pod-service.md says the same. */
export const problems = {
  invalid_request: [400, "The request is not valid"],
  unauthorized: [401, "The credentials are missing or not valid"],
  forbidden: [403, "The credentials do not allow this"],
  not_found: [404, "There is no such thing"],
  method_not_allowed: [405, "The method is not served here"],
  conflict: [409, "The name is taken"],
  too_large: [413, "The request is too large"],
  unsupported_media_type: [415, "The body is not JSON"],
  refused: [422, "The cluster refuses the pod"],
  volume_missing: [422, "A volume does not exist"],
  key_reused: [422, "The idempotency key was used for another request"],
  rate_limited: [429, "Too many requests"],
  queue_full: [429, "The queue is full"],
  header_too_large: [431, "The headers are too large"],
  internal: [500, "The service failed"],
  template_invalid: [500, "The tenant's template is not valid"],
  tenant_service_failed: [502, "The tenant service failed"],
  cluster_failed: [502, "The cluster failed"],
  not_ready: [503, "The service is not ready"],
  tenant_service_timeout: [504, "The tenant service did not answer in time"],
  cluster_timeout: [504, "The cluster did not answer in time"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof problems;

/** What is wrong with one part of a request. */
export interface FieldProblem {
  /** As a path: "vols[0].mount", "params.size". */
  field: string;
  message: string;
  reason?: string;
}

export interface ProblemOptions {
  errors?: readonly FieldProblem[];
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** A failure to answer with. `message` says to the caller what is wrong and what to do, and holds no secret. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly FieldProblem[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, message: string, options: ProblemOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Problem";
    this.code = code;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return problems[this.code][0];
  }

  get title(): string {
    return problems[this.code][1];
  }
}

/** The problem of one field of the request. */
export function invalidField(field: string, message: string): Problem {
  return new Problem("invalid_request", `${field}: ${message}`, { errors: [{ field, message }] });
}
