import { type Client, pods } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { parseManifest } from "../release/manifest.ts";
import type { HelmRelease } from "../release/release.ts";

const logLines = 10;
const logLimit = 1_500;

/**
 * Why a release did not get ready, as far as its pods tell: of a failed hook or the first pod that is not ready, what
 * is wrong with it and the last lines of its log. Empty when nothing is found; never throws.
 */
export async function failureCause(client: Client, release: HelmRelease, signal?: AbortSignal): Promise<string> {
  try {
    for (const hook of release.hooks ?? []) {
      if (hook.last_run?.phase !== "Failed") continue;
      const selected =
        hook.kind === "Pod"
          ? [await client.resource(pods).get(hook.name, release.namespace)]
          : (await client.resource(pods).list({ namespace: release.namespace, labelSelector: `job-name=${hook.name}` }))
              .items;
      const pod = newest(selected);
      return `hook ${hook.kind} ${hook.name} failed${pod === undefined ? "" : `: ${await podCause(client, pod, signal)}`}`;
    }
    for (const object of await parseManifest(release.manifest ?? "")) {
      const labels: unknown = object["spec"]?.selector?.matchLabels;
      if (typeof labels !== "object" || labels === null) continue;
      const labelSelector = Object.entries(labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(",");
      const namespace = object.metadata.namespace ?? release.namespace;
      const { items } = await client.resource(pods).list({ namespace, labelSelector });
      const unready = newest(items.filter((pod) => !isPodReady(pod)));
      if (unready !== undefined) {
        return `${object.kind} ${object.metadata.name}: ${await podCause(client, unready, signal)}`;
      }
    }
  } catch {
    // It is an addition to a message that is complete without.
  }
  return "";
}

async function podCause(client: Client, pod: KubeObject, signal?: AbortSignal): Promise<string> {
  const { name = "", namespace = "" } = pod.metadata;
  const status = pod["status"] ?? {};
  const statuses: KubeObject[] = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const bad = statuses.find((container) => {
    const state = container["state"] ?? {};
    return state.waiting !== undefined || (state.terminated !== undefined && state.terminated.exitCode !== 0);
  });
  const state = bad?.["state"]?.waiting ?? bad?.["state"]?.terminated;
  const unscheduled = (status.conditions ?? []).find(
    (condition: { type: string; status: string }) => condition.type === "PodScheduled" && condition.status === "False",
  );
  const why = [
    state?.reason ?? unscheduled?.reason ?? status.reason ?? status.phase,
    state?.exitCode !== undefined ? `exit code ${state.exitCode}` : undefined,
    state?.message ?? unscheduled?.message ?? status.message,
  ].filter((part) => part !== undefined && part !== "");
  const logs = await lastLines(client, namespace, name, bad?.["name"], signal);
  return `pod ${name}: ${why.join(", ")}${logs === "" ? "" : `; its last lines: ${logs}`}`;
}

async function lastLines(
  client: Client,
  namespace: string,
  pod: string,
  container: unknown,
  signal?: AbortSignal,
): Promise<string> {
  const which = typeof container === "string" ? `&container=${encodeURIComponent(container)}` : "";
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log?tailLines=${logLines}&limitBytes=16384${which}`;
  const response = await client.rawRequest("GET", path, undefined, signal === undefined ? {} : { signal });
  const text = (await response.text()).trim();
  return response.status === 200 ? text.slice(-logLimit) : "";
}

function newest(items: readonly KubeObject[]): KubeObject | undefined {
  return [...items].sort((a, b) =>
    String(b.metadata.creationTimestamp).localeCompare(String(a.metadata.creationTimestamp)),
  )[0];
}

function isPodReady(pod: KubeObject): boolean {
  return (pod["status"]?.conditions ?? []).some(
    (condition: { type: string; status: string }) => condition.type === "Ready" && condition.status === "True",
  );
}
