import { type Client, pods } from "@podwright/client";
import { formatTime } from "@podwright/kube";
import type { Pod } from "../../kinds.ts";
import { isPodTerminal } from "../../pods.ts";
import { isLostRace } from "../controller.ts";

export interface Disruption {
  reason: string;
  message: string;
  /** No node will end it: it fails, and goes at once. */
  lost?: boolean;
}

/** Deletes a pod that a controller has to take away, and says why in its condition DisruptionTarget. One that is gone is fine. */
export async function deleteForDisruption(
  client: Client,
  pod: Pod,
  nowMs: number,
  { reason, message, lost = false }: Disruption,
): Promise<void> {
  const { name = "", namespace, uid = "", generation } = pod.metadata;
  const resource = client.resource(pods);
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason,
    message,
    lastTransitionTime: formatTime(nowMs),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  const body = { metadata: { uid }, status: { ...(lost ? { phase: "Failed" } : {}), conditions: [condition] } };
  try {
    if (!isPodTerminal(pod)) {
      await resource.patch(name, namespace, body, { type: "strategic", subresource: "status" });
    }
    await resource.delete(name, namespace, {
      preconditions: { uid },
      ...(lost ? { gracePeriodSeconds: 0 } : {}),
    });
  } catch (error) {
    if (!isLostRace(error)) throw error;
  }
}
