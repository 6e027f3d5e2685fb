import { mkdir, readFile } from "node:fs/promises";
import type { Clock, Logger, Timer } from "@podwright/client";
import type { Node, Pod } from "../../kinds.ts";
import type { NodeObjects } from "../objects/node-objects.ts";
import { containersOf } from "../objects/pod-references.ts";
import type { PodDirectory } from "../pod-directory.ts";
import { type MountedVolume, mountFiles, mountVolume, type VolumeContext } from "./mounted-volume.ts";
import type { Mounts } from "./mounts.ts";
import { openBelow } from "./safe-path.ts";
import type { ServiceAccountTokens } from "./service-account-tokens.ts";
import { VolumeError } from "./volume-error.ts";
import { hasFiles, showsPod } from "./volume-files.ts";
import type { Volume } from "./volume-sources.ts";

export interface PodVolumeSetOptions {
  pod: Pod;
  directory: PodDirectory;
  objects: NodeObjects;
  tokens: ServiceAccountTokens;
  mounts: Mounts | undefined;
  clock: Clock;
  logger: Logger;
  node: () => Node;
  changed: (podUid: string) => void;
  refreshFailed: (pod: Pod, message: string) => void;
}

const retryMs = 30_000;
const largestEnvFile = 64 * 1024;

/** The volumes of one pod. What is done to them is done one after the other. */
export class PodVolumeSet {
  readonly #options: PodVolumeSetOptions;
  readonly #volumes = new Map<string, MountedVolume>();
  #pod: Pod;
  #last: Promise<unknown> = Promise.resolve();
  #isUp = false;
  #stale = false;
  #stopped = false;
  #timer: Timer | undefined;

  constructor(options: PodVolumeSetOptions) {
    this.#options = options;
    this.#pod = options.pod;
  }

  /** Those that are there, by name. */
  get volumes(): ReadonlyMap<string, MountedVolume> {
    return this.#volumes;
  }

  /** Throws {@link VolumeError}; what could be made stays. */
  setUp(pod: Pod): Promise<void> {
    this.update(pod);
    return this.#inTurn(() => this.#mountAll());
  }

  update(pod: Pod): void {
    const before = this.#pod;
    this.#pod = pod;
    if (this.#stopped) return;
    this.#hold();
    const { labels, annotations, generation } = pod.metadata;
    const same =
      sameMap(before.metadata.labels, labels) &&
      sameMap(before.metadata.annotations, annotations) &&
      before.metadata.generation === generation;
    if (!same && this.#used().some(showsPod)) this.#refreshSoon();
  }

  async readFile(volume: string, path: string): Promise<string> {
    const mounted = this.#volumes.get(volume);
    if (mounted === undefined) throw new Error(`cannot find the volume ${JSON.stringify(volume)}`);
    await using entry = await openBelow(mounted.path, path);
    const content = await readFile(entry.reference);
    if (content.length > largestEnvFile) throw new Error(`${path} is longer than ${largestEnvFile} bytes`);
    return content.toString("utf8");
  }

  /** Resolves when nothing is done to the volumes any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#last.catch(() => {});
  }

  #hold(): void {
    const { objects, changed } = this.#options;
    const { uid = "" } = this.#pod.metadata;
    objects.hold(this.#pod, () => {
      this.#refreshSoon();
      changed(uid);
    });
  }

  async #mountAll(): Promise<void> {
    if (this.#stopped) return;
    await mkdir(this.#options.directory.volumes, { recursive: true, mode: 0o750 });
    const missing = this.#used().filter(({ name }) => !this.#volumes.has(name));
    const problems: string[] = [];
    await Promise.all(
      missing.map(async (volume) => {
        try {
          this.#volumes.set(volume.name, await mountVolume(volume, this.#context(volume)));
        } catch (error) {
          problems.push((error as Error).message);
        }
      }),
    );
    if (problems.length > 0) throw new VolumeError(problems);
    this.#isUp = true;
    this.#watchTime();
  }

  /** Files that the cluster gives, anew. Once more when something changes meanwhile. */
  #refreshSoon(): void {
    if (this.#stale || this.#stopped) return;
    this.#stale = true;
    void this.#inTurn(() => this.#refresh());
  }

  async #refresh(): Promise<void> {
    this.#stale = false;
    if (!this.#isUp || this.#stopped) return;
    let failed = false;
    for (const volume of this.#used().filter(hasFiles)) {
      try {
        this.#volumes.set(volume.name, await mountFiles(volume, this.#context(volume)));
      } catch (error) {
        failed = true;
        const message = `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : ${(error as Error).message}`;
        this.#options.refreshFailed(this.#pod, message);
      }
    }
    this.#watchTime(failed ? this.#options.clock.now() + retryMs : Number.POSITIVE_INFINITY);
  }

  /** Tokens grow old without an event. */
  #watchTime(latestMs = Number.POSITIVE_INFINITY): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const atMs = Math.min(latestMs, ...Array.from(this.#volumes.values(), ({ refreshAtMs }) => refreshAtMs));
    if (!Number.isFinite(atMs) || this.#stopped) return;
    const { clock } = this.#options;
    const delayMs = Math.max(atMs - clock.now(), 0);
    this.#timer = clock.after(delayMs, () => this.#refreshSoon(), { background: true });
  }

  /** Those that a container mounts: others are not made. */
  #used(): Volume[] {
    const names = new Set<string>();
    for (const { volumeMounts = [], volumeDevices = [], env = [] } of containersOf(this.#pod)) {
      for (const { name } of [...volumeMounts, ...volumeDevices]) names.add(name);
      for (const { valueFrom } of env) {
        const { fileKeyRef } = (valueFrom ?? {}) as { fileKeyRef?: { volumeName?: string } };
        if (fileKeyRef?.volumeName) names.add(fileKeyRef.volumeName);
      }
    }
    return ((this.#pod.spec.volumes ?? []) as Volume[]).filter(({ name }) => names.has(name));
  }

  #context(volume: Volume): VolumeContext {
    const { directory, objects, tokens, mounts, clock, logger, node } = this.#options;
    const pod = this.#pod;
    const { namespace, name } = pod.metadata;
    return {
      pod,
      node: node(),
      path: directory.volume(volume.name),
      sources: { objects, tokens, allocatable: node().status?.allocatable ?? {} },
      mounts,
      nowMs: clock.now(),
      warn: (message) => logger.warn(message, { pod: `${namespace}/${name}` }),
    };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.catch(() => {}).then(work);
    this.#last = done;
    return done;
  }
}

function sameMap(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
