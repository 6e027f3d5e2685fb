import { type StatusError, status } from "@podwright/kube";
import type { Storage } from "../storage/storage.ts";

/** How long a read waits for a revision that is not there yet (k8s.io/apiserver/pkg/storage/cacher, blockTimeout). */
const waitMs = 3000;

/** Throws the 504 that tells a client its resourceVersion is ahead of the server. */
export async function waitForRevision(storage: Storage, revision: number): Promise<void> {
  if (revision <= storage.revision) return;
  if (!(await storage.waitFor(revision, waitMs))) throw status.tooLargeResourceVersion(revision, storage.revision);
}

export function invalidRevision(version: string): StatusError {
  const text = JSON.stringify(version);
  return status.badRequest(
    `invalid resource version: resourceVersion: Invalid value: ${text}: strconv.ParseUint: parsing ${text}: invalid syntax`,
  );
}
