import { type Client, type Logger, replicaSets } from "@podwright/client";
import { type KubeObject, messageOf } from "@podwright/kube";
import { stateKey } from "./keys.ts";
import { type FreshState, parseState } from "./state.ts";

/**
 * The newest states of Deployments that their ReplicaSets have, by uid of the Deployment. A ReplicaSet has the
 * annotations that its Deployment had in its time: after a `kubectl rollout undo`, which puts earlier ones back, it
 * alone tells what was rolled out. Asked once, at the start. Empty where it cannot be read.
 */
export async function earlierStates(client: Client, logger: Logger): Promise<Map<string, FreshState>> {
  const states = new Map<string, FreshState>();
  const note = (replicaSet: KubeObject): KubeObject => {
    const { annotations, ownerReferences } = replicaSet.metadata;
    const uid = ownerReferences?.find(({ controller }) => controller === true)?.uid;
    const state = uid === undefined ? undefined : parseState(annotations?.[stateKey], uid);
    if (state !== undefined && state.serial > (states.get(state.uid)?.serial ?? 0)) states.set(state.uid, state);
    return nothing;
  };
  try {
    await client.resource(replicaSets).listAll({ keep: note });
  } catch (error) {
    logger.warn("the ReplicaSets cannot be read: what was undone meanwhile may come back", { error: messageOf(error) });
  }
  return states;
}

const nothing: KubeObject = { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: {} };
