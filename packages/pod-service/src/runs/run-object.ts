import { createHash } from "node:crypto";
import type { KubeObject } from "@podwright/kube";
import { Problem } from "../problem.ts";
import type { Run } from "./run.ts";

/** An idempotency key's name in the store: keys may be secrets of their users. */
export function keyDigest(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** The same key, another request. */
export function keyReused(): Problem {
  return new Problem("key_reused", "this Idempotency-Key was sent with another request: use a new one");
}

/** A run that is over as an object: what there is to say of it where the cluster's is gone. */
export function objectOf(run: Run): KubeObject {
  return {
    apiVersion: run.kind === "Job" ? "batch/v1" : "v1",
    kind: run.kind,
    metadata: {
      name: run.name,
      namespace: run.namespace,
      ...(run.uid === undefined ? {} : { uid: run.uid }),
      creationTimestamp: run.createdAt,
    },
  };
}
