/** The codes of gRPC's answers that are of interest here. */
export const grpcCodes = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** A call that was answered with an error, or by nobody. */
export class GrpcError extends Error {
  /** One of `grpcCodes`. */
  readonly code: number;
  /** "/containerd.services.images.v1.Images/Get" */
  readonly method: string;
  constructor(code: number, method: string, details: string) {
    super(`${method.slice(method.lastIndexOf(".") + 1)}: ${details}`);
    this.name = "GrpcError";
    this.code = code;
    this.method = method;
  }
}

export function isGrpcCode(error: unknown, code: number): error is GrpcError {
  return error instanceof GrpcError && error.code === code;
}
