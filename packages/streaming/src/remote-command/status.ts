/** What is said on the error stream at the end (k8s.io/kubelet/pkg/cri/streaming/remotecommand/exec.go). */
export interface StreamStatus {
  metadata: object;
  status: "Success" | "Failure";
  message?: string;
  reason?: string;
  details?: { causes: { reason?: string; message: string }[] };
  code?: number;
}

export const succeeded: StreamStatus = { metadata: {}, status: "Success" };

/** @param cause what the runtime says of it, as `command terminated with exit code 3` */
export function exited(exitCode: number, cause: string): StreamStatus {
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: ${cause}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}

export function internalError(message: string): StreamStatus {
  return {
    metadata: {},
    status: "Failure",
    message: `Internal error occurred: ${message}`,
    reason: "InternalError",
    details: { causes: [{ message }] },
    code: 500,
  };
}
