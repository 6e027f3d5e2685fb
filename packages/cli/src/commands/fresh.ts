import {
  Client,
  cronJobs,
  daemonSets,
  deployments,
  HttpTransport,
  nodeImages,
  type ResourceRef,
  statefulSets,
} from "@podwright/client";
import { isCode, type KubeObject } from "@podwright/kube";
import {
  type FreshState,
  freshLabel,
  freshPausedKey,
  freshRetryKey,
  freshStateKey,
  type NodeImages,
  parseFreshState,
} from "@podwright/operator";
import { type ClusterFlags, connectionOf } from "../connection.ts";
import { CommandError } from "../error.ts";
import { textTable } from "../text-table.ts";

export type FreshAction = "status" | "history" | "pause" | "resume" | "retry";

export interface FreshCommandOptions extends ClusterFlags {
  namespace?: string;
  allNamespaces?: boolean;
}

const kinds: Readonly<Record<string, ResourceRef>> = {
  deployment: deployments,
  statefulset: statefulSets,
  daemonset: daemonSets,
  cronjob: cronJobs,
};

const shortNames: Readonly<Record<string, string>> = {
  deploy: "deployment",
  sts: "statefulset",
  ds: "daemonset",
  cj: "cronjob",
};

/** `podwright fresh ACTION [KIND/NAME]`; a name alone is a Deployment's. */
export async function fresh(
  action: FreshAction,
  workload: string | undefined,
  options: FreshCommandOptions,
): Promise<void> {
  const config = connectionOf(options);
  const namespace = options.namespace ?? config.namespace ?? "default";
  const client = new Client(new HttpTransport(config), { userAgent: "podwright" });
  try {
    if (action === "status") return console.log(await status(client, options.allNamespaces ? undefined : namespace));
    const { ref, kind, name } = parseWorkload(workload ?? "");
    const object = await client
      .resource(ref)
      .get(name, namespace)
      .catch((error: unknown) => {
        if (isCode(error, 404)) {
          throw new CommandError(`there is no ${kind} ${name} in the namespace ${namespace}`);
        }
        throw error;
      });
    if (action === "history") return console.log(history(`${kind}/${name}`, stateOf(object)));
    const [annotations, said] = requestOf(action, stateOf(object), `${kind}/${name}`);
    await client.resource(ref).patch(name, namespace, { metadata: { annotations } }, { type: "merge" });
    console.log(said);
  } finally {
    await client.close();
  }
}

function requestOf(
  action: "pause" | "resume" | "retry",
  state: FreshState | undefined,
  name: string,
): [annotations: Record<string, string | null>, said: string] {
  switch (action) {
    case "pause":
      return [{ [freshPausedKey]: "true" }, `${name} gets no new images until it is resumed`];
    case "resume":
      return [{ [freshPausedKey]: null }, `${name} gets new images again`];
    case "retry": {
      const refused = state?.refused.filter(({ quarantined }) => quarantined) ?? [];
      if (refused.length === 0) throw new CommandError(`nothing was refused for ${name}`);
      const images = [...new Set(refused.map(({ image }) => image))].join(", ");
      return [{ [freshRetryKey]: new Date().toISOString() }, `${name} may get ${images} again`];
    }
  }
}

/** Throws a CommandError for what is no workload. */
function parseWorkload(text: string): { ref: ResourceRef; kind: string; name: string } {
  const slash = text.indexOf("/");
  const given = slash < 0 ? "deployment" : text.slice(0, slash).toLowerCase();
  const kind = shortNames[given] ?? given.replace(/s$/, "");
  const ref = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  const name = text.slice(slash + 1);
  if (ref === undefined || name === "") {
    throw new CommandError(`${text}: give it as KIND/NAME, the kind one of ${Object.keys(kinds).join(", ")}`, 2);
  }
  return { ref, kind, name };
}

function stateOf({ metadata }: KubeObject): FreshState | undefined {
  return parseFreshState(metadata.annotations?.[freshStateKey], metadata.uid as string);
}

async function status(client: Client, namespace: string | undefined): Promise<string> {
  const [reports, ...workloads] = await Promise.all([
    client.resource<NodeImages>(nodeImages).listAll().catch(noReports),
    ...Object.values(kinds).map((ref) => client.resource(ref).listAll(namespace === undefined ? {} : { namespace })),
  ]);
  const lines = reports.items.map(({ metadata, status }) => {
    const missed = status?.missedEvents ?? 0;
    const answers = status?.connected === false ? ", which does not answer" : "";
    const lost = missed === 0 ? "" : `, ${missed} of its events were missed and found by comparison`;
    return `${metadata.name}: ${status?.images.length ?? 0} images of ${status?.source}${answers}${lost}`;
  });
  if (lines.length === 0) lines.push("Nobody reports images: see podwright image-agent, or --images");
  const rows = workloads.flatMap(({ items }) => items.flatMap(statusRows));
  const head = ["NAMESPACE", "WORKLOAD", "CONTAINER", "IMAGE", "SINCE", "RESULT", "NOTE"];
  if (rows.length > 0) lines.push("", textTable(head, rows));
  else if (namespace === undefined) lines.push("", "Nothing was rolled out yet.");
  else lines.push("", `Nothing was rolled out yet in the namespace ${namespace}; -A shows all.`);
  return lines.join("\n");
}

function noReports(error: unknown): { items: NodeImages[] } {
  if (isCode(error, 404)) return { items: [] };
  throw error;
}

function statusRows(object: KubeObject): string[][] {
  const { metadata, spec } = object;
  const state = stateOf(object);
  const paused = metadata.annotations?.[freshPausedKey] === "true";
  if (state === undefined && !paused && metadata.labels?.[freshLabel] === undefined) return [];
  const pod = (object.kind === "CronJob" ? spec?.jobTemplate?.spec?.template : spec?.template)?.spec ?? {};
  const containers: { name: string; image: string }[] = [...(pod.initContainers ?? []), ...(pod.containers ?? [])];
  return containers.map(({ name, image }) => {
    const roll = state?.rolls.find(({ container }) => container === name);
    const waiting = state?.waiting.find(({ container }) => container === name)?.why;
    const refused = new Set(state?.refused.flatMap(({ quarantined, image }) => (quarantined ? [image] : [])));
    const refusal = refused.size === 0 ? "" : `refused: ${[...refused].join(", ")}`;
    const notes = [paused ? "paused" : "", waiting ?? "", refusal].filter(Boolean);
    return [
      metadata.namespace ?? "",
      `${object.kind.toLowerCase()}/${metadata.name}`,
      name,
      image,
      roll?.at.slice(0, 19).replace("T", " ") ?? "",
      roll?.result ?? "",
      notes.join("; "),
    ];
  });
}

function history(name: string, state: FreshState | undefined): string {
  if (state === undefined || state.rolls.length + state.refused.length === 0) {
    return `${name} got no new image yet.`;
  }
  const short = (id: string | undefined) => (id === undefined ? "" : ` ${id.slice(7, 19)}`);
  const rolls = state.rolls.map(({ at, container, from, to, why, source, revision, result }) => [
    at.slice(0, 19).replace("T", " "),
    container,
    `${from.image}${short(from.id)}`,
    `${to.image}${short(to.id)}`,
    result,
    `${why}, from ${source}${revision === undefined ? "" : `, revision ${revision}`}`,
  ]);
  const lines = [textTable(["TIME", "CONTAINER", "FROM", "TO", "RESULT", "WHY"], rolls)];
  if (state.refused.length > 0) {
    const refused = state.refused.map(({ at, image, id, why, quarantined }) => [
      at.slice(0, 19).replace("T", " "),
      `${image}${short(id)}`,
      quarantined ? "refused until retried" : "passed over",
      why,
    ]);
    lines.push("", textTable(["TIME", "IMAGE", "STATE", "WHY"], refused));
  }
  return lines.join("\n");
}
