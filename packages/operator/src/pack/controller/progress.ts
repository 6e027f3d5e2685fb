import {
  type Client,
  type Clock,
  daemonSets,
  deployments,
  jobs,
  type ResourceRef,
  sleep,
  statefulSets,
} from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { inventoryEntry, parseManifest } from "../release/manifest.ts";
import type { HelmRelease } from "../release/release.ts";

const watched: Record<string, ResourceRef> = {
  Deployment: deployments,
  StatefulSet: statefulSets,
  DaemonSet: daemonSets,
  Job: jobs,
};

/** Between two messages. */
const quietMs = 1_000;

/**
 * Tells what a release under way waits for, by watching its workloads: "waiting for Deployment web (1 of 3 ready)".
 * Ends with the signal; a watch that breaks ends the telling, not the release.
 */
export async function followProgress(options: {
  client: Client;
  clock: Clock;
  release: HelmRelease;
  signal: AbortSignal;
  tell: (message: string) => Promise<void>;
}): Promise<void> {
  const { client, clock, release, signal, tell } = options;
  const hooks = (release.hooks ?? []).map((hook) => hook.manifest ?? "").join("\n---\n");
  const objects = await parseManifest(`${release.manifest ?? ""}\n---\n${hooks}`);
  const waiting = new Map<string, string>();
  let told = "";
  let telling: Promise<void> | undefined;
  const update = () => {
    telling ??= (async () => {
      await sleep(clock, quietMs, signal);
      telling = undefined;
      const message = [...waiting.values()].slice(0, 5).join(", ");
      if (signal.aborted || message === "" || message === told) return;
      told = message;
      await tell(`waiting for ${message}${waiting.size > 5 ? ` and ${waiting.size - 5} more` : ""}`);
    })().catch(() => {});
  };
  const groups = Map.groupBy(
    objects.filter((object) => watched[object.kind] !== undefined),
    (object) => `${object.kind} ${object.metadata.namespace ?? release.namespace}`,
  );
  await Promise.all(
    [...groups].map(async ([group, members]) => {
      const [kind = "", namespace = ""] = group.split(" ");
      const names = new Set(members.map((member) => inventoryEntry(member).name));
      try {
        for await (const event of client.resource(watched[kind] as ResourceRef).watch({ namespace, signal })) {
          const { name = "" } = event.object.metadata ?? {};
          if ((event.type !== "ADDED" && event.type !== "MODIFIED") || !names.has(name)) continue;
          const missing = unready(event.object, kind);
          if (missing === undefined) waiting.delete(`${kind} ${name}`);
          else waiting.set(`${kind} ${name}`, `${kind} ${name} (${missing})`);
          update();
        }
      } catch {
        // The connection broke, or helm has ended.
      }
    }),
  );
  await telling;
}

/** What is missing until a workload is ready; undefined when it is. */
function unready(object: KubeObject, kind: string): string | undefined {
  const status = object["status"] ?? {};
  const spec = object["spec"] ?? {};
  if (kind === "Job") {
    const completions = spec.completions ?? 1;
    const succeeded = status.succeeded ?? 0;
    return succeeded >= completions ? undefined : `${succeeded} of ${completions} completed`;
  }
  const wanted = kind === "DaemonSet" ? (status.desiredNumberScheduled ?? 0) : (spec.replicas ?? 1);
  const ready = kind === "DaemonSet" ? (status.numberReady ?? 0) : (status.readyReplicas ?? 0);
  const updated = kind === "DaemonSet" ? (status.updatedNumberScheduled ?? 0) : (status.updatedReplicas ?? ready);
  if (ready < wanted) return `${ready} of ${wanted} ready`;
  if (updated < wanted) return `${updated} of ${wanted} updated`;
  // They go when the new ones are available.
  const old = kind === "Deployment" ? (status.replicas ?? 0) - updated : 0;
  return old > 0 ? `${old} of the old ${old === 1 ? "pod" : "pods"} still there` : undefined;
}
