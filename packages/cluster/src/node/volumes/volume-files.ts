/** The files of the volumes whose content the cluster gives (k8s.io/kubernetes/pkg/volume/projected/projected.go). */
import { configMaps, secrets } from "@podwright/client";
import type { Pod } from "../../kinds.ts";
import type { NodeObjects } from "../objects/node-objects.ts";
import { aggregate, downwardFiles, type Files, objectFiles } from "./object-files.ts";
import { fsGroupOf, fsUserOf } from "./ownership.ts";
import type { ServiceAccountTokens } from "./service-account-tokens.ts";
import type { Projection, Volume } from "./volume-sources.ts";

const defaultFileMode = 0o644;

export interface FileSources {
  objects: Pick<NodeObjects, "get">;
  tokens: Pick<ServiceAccountTokens, "get">;
  /** Of the node. */
  allocatable: Readonly<Record<string, string>>;
}

export interface VolumeContent {
  files: Files;
  /** When it is to be made anew though nothing has changed. */
  refreshAtMs: number;
}

/** Whether a volume's files come from the cluster and change with it. */
export function hasFiles(volume: Volume): boolean {
  return [volume.configMap, volume.secret, volume.downwardAPI, volume.projected].some((source) => source !== undefined);
}

/** Whether the pod's own labels and annotations are among a volume's files. */
export function showsPod(volume: Volume): boolean {
  return volume.downwardAPI !== undefined || (volume.projected?.sources ?? []).some(({ downwardAPI }) => downwardAPI);
}

/** What is to be in the volume now. Throws when something is missing, with upstream's message. */
export async function volumeContent(pod: Pod, volume: Volume, sources: FileSources): Promise<VolumeContent> {
  const { namespace = "" } = pod.metadata;
  const { objects, allocatable } = sources;
  const never = Number.POSITIVE_INFINITY;
  if (volume.configMap !== undefined) {
    const { defaultMode = defaultFileMode } = volume.configMap;
    const files = await objectFiles(objects, configMaps, namespace, volume.configMap, defaultMode);
    return { files, refreshAtMs: never };
  }
  if (volume.secret !== undefined) {
    const { secretName = "", defaultMode = defaultFileMode, ...source } = volume.secret;
    const files = await objectFiles(objects, secrets, namespace, { ...source, name: secretName }, defaultMode);
    return { files, refreshAtMs: never };
  }
  if (volume.downwardAPI !== undefined) {
    const { items = [], defaultMode = defaultFileMode } = volume.downwardAPI;
    return { files: downwardFiles(pod, items, allocatable, defaultMode), refreshAtMs: never };
  }
  return projectedContent(pod, volume, sources);
}

async function projectedContent(pod: Pod, volume: Volume, sources: FileSources): Promise<VolumeContent> {
  const { sources: projections = [], defaultMode = defaultFileMode } = volume.projected ?? {};
  const content: VolumeContent = { files: new Map(), refreshAtMs: Number.POSITIVE_INFINITY };
  const problems: string[] = [];
  for (const projection of projections) {
    try {
      await project(pod, projection, defaultMode, sources, content);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  if (problems.length > 0) throw new Error(aggregate(problems));
  return content;
}

/** Adds the files of one source; of two with one path the later one holds. */
async function project(
  pod: Pod,
  { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle }: Projection,
  mode: number,
  { objects, tokens, allocatable }: FileSources,
  content: VolumeContent,
): Promise<void> {
  const { namespace = "" } = pod.metadata;
  const add = (files: Files): void => {
    for (const [path, file] of files) content.files.set(path, file);
  };
  if (secret !== undefined) add(await objectFiles(objects, secrets, namespace, secret, mode));
  else if (configMap !== undefined) add(await objectFiles(objects, configMaps, namespace, configMap, mode));
  else if (downwardAPI !== undefined) add(downwardFiles(pod, downwardAPI.items ?? [], allocatable, mode));
  else if (serviceAccountToken !== undefined) {
    const user = fsUserOf(pod);
    const { token, refreshAtMs } = await tokens.get(pod, serviceAccountToken);
    content.refreshAtMs = Math.min(content.refreshAtMs, refreshAtMs);
    const file = { data: token, mode: user === undefined && fsGroupOf(pod) === undefined ? mode : 0o600 };
    content.files.set(serviceAccountToken.path, user === undefined ? file : { ...file, user });
  } else {
    const what = clusterTrustBundle === undefined ? "podCertificate" : "clusterTrustBundle";
    throw new Error(`projections of ${what} are not supported`);
  }
}
