import { isConfigMapKey, isDns1123Subdomain, quote } from "@podwright/kube";
import type { ContentKind } from "../content/content-index.ts";
import { parseDurationMs } from "../pack/duration.ts";

/** Upstream's annotation: which ConfigMaps and Secrets restart a workload when they change. */
export const watchKey = "pack-operator.k8s.kubit.ir/watch-to-redeploy";
/** The same under our own name. */
const ownWatchKey = "podwright.dev/watch-to-redeploy";
/** How long it must be quiet before the restart: "2s", "0s". */
const quietKey = "podwright.dev/redeploy-after";
/** The least time between two restarts: "5m". */
const minIntervalKey = "podwright.dev/redeploy-min-interval";

/** All annotations that people write. */
export const redeployKeys: readonly string[] = [watchKey, ownWatchKey, quietKey, minIntervalKey];

/** What a workload watches: a whole ConfigMap or Secret, or one key of it. */
export interface Reference {
  kind: ContentKind;
  name: string;
  key?: string;
}

/** What an annotation asks for. */
export interface WatchList {
  /** Whatever the pod template refers to as well. */
  auto: boolean;
  references: Reference[];
}

/** A wrong annotation; the message names the segment and what is wrong with it. */
export class AnnotationError extends Error {}

const kinds: Readonly<Record<string, ContentKind>> = { configmap: "ConfigMap", secret: "Secret" };

/**
 * Parses "configmap/test-cm-1, secret/sec-2#password auto": segments divided by commas or white space, in any number.
 * @throws {AnnotationError}
 */
export function parseWatchList(text: string): WatchList {
  const references = new Map<string, Reference>();
  let auto = false;
  for (const segment of text.split(/[\s,]+/)) {
    if (segment === "") continue;
    if (segment === "auto") auto = true;
    else {
      const reference = parseReference(segment);
      references.set(formatReference(reference), reference);
    }
  }
  return { auto, references: [...references.values()] };
}

/** "configmap/NAME#KEY", the inverse of parsing. */
export function formatReference({ kind, name, key }: Reference): string {
  return `${kind.toLowerCase()}/${name}${key === undefined ? "" : `#${key}`}`;
}

/** @throws {AnnotationError} */
function parseReference(segment: string): Reference {
  const wrong = (why: string) => new AnnotationError(`${quote(segment)}: ${why}`);
  const slash = segment.indexOf("/");
  if (slash < 0) throw wrong("must be configmap/NAME, secret/NAME, configmap/NAME#KEY, secret/NAME#KEY or auto");
  const resource = segment.slice(0, slash);
  const kind = Object.hasOwn(kinds, resource) ? kinds[resource] : undefined;
  if (kind === undefined) throw wrong(`unknown resource ${quote(resource)}: must be configmap or secret`);
  const rest = segment.slice(slash + 1);
  const hash = rest.indexOf("#");
  const name = hash < 0 ? rest : rest.slice(0, hash);
  if (name === "") throw wrong(`the name of the ${resource} is missing`);
  const [wrongName] = isDns1123Subdomain(name);
  if (wrongName !== undefined) throw wrong(`${quote(name)} is no name of a ${resource}: ${wrongName}`);
  if (hash < 0) return { kind, name };
  const key = rest.slice(hash + 1);
  if (key === "") throw wrong("the key after # is missing");
  const [wrongKey] = isConfigMapKey(key);
  if (wrongKey !== undefined) throw wrong(`${quote(key)} is no key of a ${resource}: ${wrongKey}`);
  return { kind, name, key };
}

/**
 * Milliseconds of "2s", "1m30s", "500ms", "0": Go's durations.
 * @throws {AnnotationError}
 */
export function parseWaitMs(text: string): number {
  const waitMs = parseDurationMs(text.trim());
  if (waitMs !== undefined) return waitMs;
  throw new AnnotationError(`${quote(text)}: must be a duration such as "2s", "1m30s" or "500ms"`);
}

/** What all annotations of an object together ask for. */
export interface RedeployWish {
  watch: WatchList;
  quietMs?: number;
  minIntervalMs?: number;
}

/**
 * Reads the annotations of a workload or Pack; undefined when it asks for nothing.
 * @throws {AnnotationError} that names the annotation as well
 */
export function readAnnotations(annotations: Readonly<Record<string, string>> = {}): RedeployWish | undefined {
  const read = <T>(key: string, parse: (text: string) => T): T | undefined => {
    const text = annotations[key];
    if (text === undefined) return undefined;
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof AnnotationError)) throw error;
      throw new AnnotationError(`metadata.annotations[${key}]: ${error.message}`);
    }
  };
  const lists = [read(watchKey, parseWatchList), read(ownWatchKey, parseWatchList)].filter(
    (list) => list !== undefined,
  );
  const quietMs = read(quietKey, parseWaitMs);
  const minIntervalMs = read(minIntervalKey, parseWaitMs);
  if (lists.length === 0) return undefined;
  return {
    watch: { auto: lists.some(({ auto }) => auto), references: lists.flatMap(({ references }) => references) },
    ...(quietMs === undefined ? {} : { quietMs }),
    ...(minIntervalMs === undefined ? {} : { minIntervalMs }),
  };
}
