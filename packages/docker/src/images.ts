import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { DockerClient } from "./docker-client.ts";
import { DockerError, isNotFound } from "./docker-error.ts";
import { jsonLines } from "./json-lines.ts";

export interface ImageSummary {
  /** "sha256:…" of the configuration. */
  Id: string;
  RepoTags: string[] | null;
  /** "repository@sha256:…" */
  RepoDigests: string[] | null;
  /** Seconds since the epoch. */
  Created: number;
  Size: number;
  Labels: Record<string, string> | null;
}

export interface ImageInspection {
  Id: string;
  RepoTags: string[] | null;
  RepoDigests: string[] | null;
  Created: string;
  Size: number;
  Architecture: string;
  Os: string;
  Config: {
    User?: string;
    Env?: string[] | null;
    Cmd?: string[] | null;
    Entrypoint?: string[] | null;
    WorkingDir?: string;
    Labels?: Record<string, string> | null;
    StopSignal?: string;
  } | null;
  RootFS: { Type: string; Layers?: string[] };
  /** When it was last given a name on this machine; the year 1 where it never was. */
  Metadata?: { LastTagTime?: string };
}

/** What to log in to a registry with. */
export interface RegistryAuth {
  username?: string;
  password?: string;
  identitytoken?: string;
  serveraddress?: string;
}

/** One message of a pull or a load. */
export interface ImageProgress {
  status?: string;
  id?: string;
  stream?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
}

/** The images on the machine, without intermediate ones. */
export async function listImages(docker: DockerClient, signal?: AbortSignal): Promise<ImageSummary[]> {
  return docker.json("GET", "/images/json", { ...(signal && { signal }) });
}

/** By name, digest or id; undefined when it is not on the machine. */
export async function inspectImage(
  docker: DockerClient,
  reference: string,
  signal?: AbortSignal,
): Promise<ImageInspection | undefined> {
  try {
    return await docker.json("GET", `/images/${imagePath(reference)}/json`, { ...(signal && { signal }) });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** As `docker save` writes it: a tar archive with manifest.json, configurations and layers. */
export async function saveImage(
  docker: DockerClient,
  reference: string,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  return docker.stream("GET", `/images/${imagePath(reference)}/get`, { ...(signal && { signal }) });
}

export interface PullImageOptions {
  auth?: RegistryAuth;
  platform?: string;
  signal?: AbortSignal;
  onProgress?: (progress: ImageProgress) => void;
}

/**
 * Brings an image to the machine; resolves when it is there. A {@link DockerError} has the daemon's text as its
 * message, also when the pull failed half-way.
 */
export async function pullImage(
  docker: DockerClient,
  reference: string,
  options: PullImageOptions = {},
): Promise<void> {
  const { repository, tag } = splitReference(reference);
  const answer = await docker.stream("POST", "/images/create", {
    query: { fromImage: repository, tag, platform: options.platform },
    ...(options.auth && { headers: { "X-Registry-Auth": encodeAuth(options.auth) } }),
    ...(options.signal && { signal: options.signal }),
  });
  await readProgress(answer, options.onProgress);
}

/** Loads a tar archive as `docker save` makes it (an OCI archive where the daemon takes it). Gives what it said. */
export async function loadImage(docker: DockerClient, archive: Readable | Uint8Array): Promise<string[]> {
  const said: string[] = [];
  const answer = await docker.stream("POST", "/images/load", { query: { quiet: true }, body: archive });
  await readProgress(answer, ({ stream }) => stream && said.push(stream.trim()));
  return said;
}

export async function tagImage(
  docker: DockerClient,
  reference: string,
  repository: string,
  tag: string,
): Promise<void> {
  await docker.json("POST", `/images/${imagePath(reference)}/tag`, { query: { repo: repository, tag } });
}

/** Names of images keep their slashes and colons in paths. */
function imagePath(reference: string): string {
  return reference.split("/").map(encodeURIComponent).join("/").replaceAll("%3A", ":").replaceAll("%40", "@");
}

/** "host:5000/a/b:tag" → its parts; of a digest, the tag is "sha256:…". Without either the tag is "latest". */
export function splitReference(reference: string): { repository: string; tag: string } {
  const at = reference.indexOf("@");
  if (at >= 0) {
    // A tag beside a digest says nothing more.
    return { repository: splitReference(reference.slice(0, at)).repository, tag: reference.slice(at + 1) };
  }
  const colon = reference.lastIndexOf(":");
  if (colon > reference.lastIndexOf("/")) {
    return { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) };
  }
  return { repository: reference, tag: "latest" };
}

function encodeAuth(auth: RegistryAuth): string {
  // With padding: docker takes what has none for no credentials at all.
  return Buffer.from(JSON.stringify(auth)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

async function readProgress(answer: IncomingMessage, onProgress?: (progress: ImageProgress) => void): Promise<void> {
  for await (const progress of jsonLines<ImageProgress>(answer as AsyncIterable<Buffer>)) {
    if (progress.error !== undefined) throw new DockerError(answer.statusCode ?? 0, progress.error);
    onProgress?.(progress);
  }
}
