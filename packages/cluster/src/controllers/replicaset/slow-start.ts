/**
 * Does something `count` times in batches of 1, 2, 4, … at once, and stops after the batch in which something
 * failed, so that what cannot work is not tried a hundred times
 * (k8s.io/kubernetes/pkg/controller/replicaset/replica_set.go, slowStartBatch).
 *
 * @returns the first error, if there was one.
 */
export async function slowStart(count: number, action: () => Promise<void>): Promise<unknown> {
  let remaining = count;
  for (let size = Math.min(remaining, 1); size > 0; size = Math.min(2 * size, remaining)) {
    const results = await Promise.allSettled(Array.from({ length: size }, action));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) return failed.reason;
    remaining -= size;
  }
  return undefined;
}
