import { StatusError } from "@podwright/kube";

/** Whether the API server answered with one of these codes. */
export function isCode(error: unknown, ...codes: number[]): error is StatusError {
  return error instanceof StatusError && codes.includes(error.code);
}

/** What an error says, for logs and people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
