/**
 * The one catalogue of API errors: meta/v1 Status bodies with upstream's reasons, codes and texts
 * (k8s.io/apimachinery/pkg/api/errors/errors.go, pkg/util/validation/field/errors.go).
 */

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface Status {
  kind: "Status";
  apiVersion: "v1";
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  status: "Success" | "Failure";
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code?: number;
}

/** A failed API request. Thrown by the server's verbs and by the client alike; `status` is what is on the wire. */
export class StatusError extends Error {
  readonly status: Status;
  constructor(status: Status) {
    super(status.message ?? status.reason ?? "unknown error");
    this.name = "StatusError";
    this.status = status;
  }
  get code(): number {
    return this.status.code ?? 500;
  }
  get reason(): string {
    return this.status.reason ?? "";
  }
}

/** What the errors need to know of a resource: "apps" and "deployments". */
export interface ResourceName {
  group: string;
  resource: string;
}
