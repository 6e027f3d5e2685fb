import { type Client, type Clock, events, jobs, pods } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { isCode } from "@podwright/kube/status";
import { clusterProblem, createObject } from "./create-object.ts";
import type { Attempt, QueuedRun } from "./queued-run.ts";
import type { Records } from "./records.ts";
import { runOf } from "./run.ts";

/**
 * Tries to create a run's object; `accepted` is what the API server answered. What may be asked for again is written
 * down before it is tried, and what was tried by somebody who never learned of the answer is looked for first: if it
 * came and went meanwhile, it is lost, and not made twice. Changes the item.
 */
export async function attemptRun(
  item: QueuedRun,
  { client, clock, records }: { client: Client; clock: Clock; records: Records },
): Promise<{ attempt: Attempt; accepted?: KubeObject }> {
  const { name, object, tenant } = item;
  if (item.tried === true || (item.once === true && records.requests.wasTried(tenant, name))) {
    try {
      if (await cameAndWent(client, item)) {
        const finishedAt = new Date(clock.now()).toISOString();
        records.finish({ ...runOf(object), phase: "Lost", reason: "Gone", finishedAt });
        return { attempt: { result: "created", object } };
      }
    } catch (error) {
      return { attempt: { result: "unavailable", problem: clusterProblem(error) } };
    }
  } else if (item.once === true) await records.requests.putAttempt(tenant, name);
  item.tried = true;
  const attempt = await createObject(client, item);
  return attempt.result === "created" ? { attempt, accepted: attempt.object } : { attempt };
}

// Objects leave events, which outlive them by an hour.
async function cameAndWent(client: Client, { name, object }: QueuedRun): Promise<boolean> {
  const { kind, metadata } = object;
  const told = await client.resource(events).list({
    namespace: metadata.namespace as string,
    fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name}`,
    limit: 1,
  });
  if (told.items.length === 0) return false;
  try {
    await client.resource(kind === "Job" ? jobs : pods).get(name, metadata.namespace);
    return false;
  } catch (error) {
    if (isCode(error, 404)) return true;
    throw error;
  }
}
