/** What a daemon answered that is not success, or why it could not be asked. */
export class DockerError extends Error {
  override name = "DockerError";
  /** The answer's HTTP status; 0 when there was no answer: the daemon cannot be reached or went away. */
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Whether the daemon said that there is no such thing. */
export function isNotFound(error: unknown): boolean {
  return error instanceof DockerError && error.status === 404;
}

/** Whether the daemon said that it is so already, or that something is in the way. */
export function isConflict(error: unknown): boolean {
  return error instanceof DockerError && error.status === 409;
}

/** Whether the daemon could not be asked at all. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof DockerError && error.status === 0;
}
