import { StatusError } from "@podwright/kube";

/** What upstream makes of an error that is no Status: its text, code 500 and no reason. */
export function plainError(message: string): StatusError {
  return new StatusError({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code: 500 });
}
