import { type FieldError, fieldErrorBody, fieldErrorCause, formatFieldError, joinMessages } from "./field-error.ts";
import { quote } from "./quote.ts";

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

/** Whether a request failed with one of these HTTP codes. */
export function isCode(error: unknown, ...codes: number[]): error is StatusError {
  return error instanceof StatusError && codes.includes(error.code);
}

/** What the errors need to know of a resource: "apps" and "deployments". */
export interface ResourceName {
  group: string;
  resource: string;
}

/** "deployments.apps", "pods": how a resource, or a kind, is called in messages. */
function nameWithGroup(name: string, group: string): string {
  return group === "" ? name : `${name}.${group}`;
}

/** The errors an API server answers with, one function for each. All give a {@link StatusError} to throw. */
export const status = {
  /** 404 for an object that is not there. */
  notFound(resource: ResourceName, name: string): StatusError {
    return failure(404, "NotFound", `${display(resource)} ${quote(name)} not found`, about(resource, name));
  },
  /** 404 for a path nothing is served at. */
  pathNotFound(): StatusError {
    return failure(404, "NotFound", "the server could not find the requested resource", {});
  },
  /** 409 for a create whose name is taken. */
  alreadyExists(resource: ResourceName, name: string): StatusError {
    return failure(409, "AlreadyExists", `${display(resource)} ${quote(name)} already exists`, about(resource, name));
  },
  /** 409 for a create with generateName when every try hit a taken name. */
  generateNameConflict(resource: ResourceName, name: string, retryAfterSeconds = 1): StatusError {
    const message = `${display(resource)} ${quote(name)} already exists, the server was not able to generate a unique name for the object`;
    return failure(409, "AlreadyExists", message, { ...about(resource, name), ...retryAfter(retryAfterSeconds) });
  },
  /** 409 for a stale write or a failed precondition; `message` says which. */
  conflict(resource: ResourceName, name: string, message: string): StatusError {
    const text = `Operation cannot be fulfilled on ${display(resource)} ${quote(name)}: ${message}`;
    return failure(409, "Conflict", text, about(resource, name));
  },
  /** 409 for a server-side apply that would take fields from other managers. */
  applyConflict(causes: StatusCause[], message: string): StatusError {
    return failure(409, "Conflict", message, { causes });
  },
  /** 422 for an object that breaks rules. Repeated errors are shown once; every one is a cause. */
  invalid(kind: { group: string; kind: string }, name: string, errors: readonly FieldError[]): StatusError {
    const what = `${nameWithGroup(kind.kind, kind.group)} ${quote(name)} is invalid`;
    const message = errors.length === 0 ? what : `${what}: ${joinMessages(errors.map(formatFieldError))}`;
    const causes = errors.map((error) => ({
      reason: fieldErrorCause(error.type),
      message: fieldErrorBody(error),
      field: error.field,
    }));
    const details = about({ group: kind.group, resource: kind.kind }, name);
    return failure(422, "Invalid", message, causes.length === 0 ? details : { ...details, causes });
  },
  /** 400 for a request that cannot be understood. */
  badRequest(message: string): StatusError {
    return failure(400, "BadRequest", message);
  },
  /** 401. */
  unauthorized(message = "Unauthorized"): StatusError {
    return failure(401, "Unauthorized", message);
  },
  /** 403; an empty name is about the whole resource, an empty resource about the request. */
  forbidden(resource: ResourceName, name: string, message: string): StatusError {
    const what = resource.resource === "" && resource.group === "" ? "forbidden" : `${display(resource)} is forbidden`;
    const text = name === "" || what === "forbidden" ? what : `${display(resource)} ${quote(name)} is forbidden`;
    return failure(403, "Forbidden", `${text}: ${message}`, about(resource, name));
  },
  /** 405; `action` is the verb: "update", "patch". */
  methodNotSupported(resource: ResourceName, action: string): StatusError {
    const message = `${action} is not supported on resources of kind ${quote(display(resource))}`;
    return failure(405, "MethodNotAllowed", message, about(resource, ""));
  },
  /** 406; `accepted` are the media types that can be answered with. */
  notAcceptable(accepted: readonly string[]): StatusError {
    return failure(406, "NotAcceptable", `only the following media types are accepted: ${accepted.join(", ")}`);
  },
  /** 415; `accepted` are the media types of bodies that can be read. */
  unsupportedMediaType(accepted: readonly string[]): StatusError {
    const types = accepted.join(", ");
    const message = `the body of the request was in an unknown format - accepted media types include: ${types}`;
    return failure(415, "UnsupportedMediaType", message);
  },
  /** 410 for a resource version that is no longer kept; `continueToken` lets a list go on inconsistently. */
  resourceExpired(message: string, continueToken?: string): StatusError {
    const error = failure(410, "Expired", message);
    if (continueToken !== undefined) error.status.metadata.continue = continueToken;
    return error;
  },
  /** 410 of the older reason, which some watch clients look for. */
  gone(message: string): StatusError {
    return failure(410, "Gone", message);
  },
  /** 413. */
  requestEntityTooLarge(message: string): StatusError {
    return failure(413, "RequestEntityTooLarge", `Request entity too large: ${message}`);
  },
  /** 429; `message` is shown as it is. */
  tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
    return failure(429, "TooManyRequests", message, retryAfter(retryAfterSeconds));
  },
  /** 500; `message` is the cause too. */
  internalError(message: string): StatusError {
    return failure(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });
  },
  /** 500 for an operation a transient fault stopped: the client should try again. */
  serverTimeout(resource: ResourceName, operation: string, retryAfterSeconds: number): StatusError {
    const message = `The ${operation} operation against ${display(resource)} could not be completed at this time, please try again.`;
    const details = { ...about(resource, operation), ...retryAfter(retryAfterSeconds) };
    return failure(500, "ServerTimeout", message, details);
  },
  /** 503. */
  serviceUnavailable(message: string): StatusError {
    return failure(503, "ServiceUnavailable", message);
  },
  /** 504; the operation may still complete. */
  timeout(message: string, retryAfterSeconds = 0): StatusError {
    return failure(504, "Timeout", `Timeout: ${message}`, retryAfter(retryAfterSeconds));
  },
  /** 504 for a resource version the server has not reached (k8s.io/apiserver/pkg/storage/errors.go). */
  tooLargeResourceVersion(wanted: number | bigint, current: number | bigint, retryAfterSeconds = 1): StatusError {
    const error = status.timeout(`Too large resource version: ${wanted}, current: ${current}`, retryAfterSeconds);
    const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
    error.status.details = { causes, ...error.status.details };
    return error;
  },
  /** What a bare HTTP code means when the other side sent no Status; `serverMessage` is the text it sent. */
  generic(code: number, options: GenericStatusOptions = {}): StatusError {
    return genericStatus(code, options);
  },
};

export interface GenericStatusOptions {
  /** HTTP method of the request, e.g. "POST". */
  verb?: string;
  resource?: ResourceName;
  name?: string;
  serverMessage?: string;
  retryAfterSeconds?: number;
  /** The answer was not of the API: its text becomes a cause. */
  unexpected?: boolean;
}

/** A Status that says a request went well, e.g. for a delete whose object is gone. */
export function successStatus(details?: StatusDetails): Status {
  const base = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" } as const;
  return details === undefined ? { ...base } : { ...base, details };
}

function failure(code: number, reason: string, message: string, details?: StatusDetails): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    ...(message === "" ? {} : { message }),
    ...(reason === "" ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  });
}

function display(resource: ResourceName): string {
  return nameWithGroup(resource.resource, resource.group);
}

function about(resource: ResourceName, name: string): StatusDetails {
  return {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    ...(resource.resource === "" ? {} : { kind: resource.resource }),
  };
}

function retryAfter(seconds: number): StatusDetails {
  return seconds === 0 ? {} : { retryAfterSeconds: seconds };
}

const genericTexts: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  400: ["BadRequest", "the server rejected our request for an unknown reason"],
  401: ["Unauthorized", "the server has asked for the client to provide credentials"],
  404: ["NotFound", "the server could not find the requested resource"],
  405: ["MethodNotAllowed", "the server does not allow this method on the requested resource"],
  406: ["NotAcceptable", "the server was unable to respond with a content type that the client supports"],
  409: ["Conflict", "the server reported a conflict"],
  422: ["Invalid", "the server rejected our request due to an error in our request"],
  429: ["TooManyRequests", "the server has received too many requests and has asked us to try again later"],
  503: ["ServiceUnavailable", "the server is currently unable to handle the request"],
  504: [
    "Timeout",
    "the server was unable to return a response in the time allotted, but may still be processing the request",
  ],
};

function genericStatus(code: number, options: GenericStatusOptions): StatusError {
  const { verb = "", resource, name = "", serverMessage = "", retryAfterSeconds = 0 } = options;
  let [reason, message] = genericTexts[code] ?? [
    "",
    `the server responded with the status code ${code} but did not return more information`,
  ];
  if (code === 409 && verb === "POST") reason = "AlreadyExists";
  else if (code === 403 || code === 415) {
    reason = code === 403 ? "Forbidden" : "UnsupportedMediaType";
    message = serverMessage;
  } else if (code === 406 && serverMessage !== "" && serverMessage !== "unknown") message = serverMessage;
  else if (code >= 500 && reason === "") {
    reason = "InternalError";
    message = `an error on the server (${quote(serverMessage)}) has prevented the request from succeeding`;
  }
  if (resource !== undefined && (resource.resource !== "" || resource.group !== "")) {
    message += ` (${[verb.toLowerCase(), display(resource), ...(name === "" ? [] : [name])].join(" ")})`;
  }
  return failure(code, reason, message, {
    ...about(resource ?? { group: "", resource: "" }, name),
    ...(options.unexpected === true
      ? { causes: [{ reason: "UnexpectedServerResponse", message: serverMessage }] }
      : {}),
    ...retryAfter(retryAfterSeconds),
  });
}
