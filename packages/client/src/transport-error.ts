/** No (whole) answer came: the network, TLS, a time limit, or a body that is not what it should be. */
export class TransportError extends Error {
  readonly method: string;
  readonly path: string;
  /** Node's error code ("ECONNREFUSED", "ECONNRESET"…), or ours: "ETIMEDOUT", "EBADHTTP", "EBADBODY", "ECLOSED". */
  readonly code: string;
  constructor(method: string, path: string, what: string, code: string, cause?: unknown) {
    super(`${method} ${path}: ${what}`, cause === undefined ? undefined : { cause });
    this.name = "TransportError";
    this.method = method;
    this.path = path;
    this.code = code;
  }
}

/** What to throw for an error of Node's: the signal's reason when it aborted, else a TransportError. */
export function transportFailure(method: string, path: string, error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof TransportError) return error;
  const { code, message } = error as { code?: string; message?: string };
  const what = String(message);
  return new TransportError(method, path, what || String(code ?? "failed"), code ?? "EFAILED", error);
}
