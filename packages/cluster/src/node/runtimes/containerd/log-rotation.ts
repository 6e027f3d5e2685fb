import { stat } from "node:fs/promises";
import { moveAside } from "./log-files.ts";

export interface LogRotationOptions {
  /** Has the container's log opened anew by who writes it. */
  reopen(id: string): Promise<unknown>;
  /** A log may be longer when it is looked at. Default the kubelet's containerLogMaxSize, 10 MiB. */
  maxBytes?: number;
  /** Between looks. Default the kubelet's containerLogMonitorInterval, 10 s. */
  everyMs?: number;
}

/** Keeps logs of running containers short (k8s.io/kubernetes/pkg/kubelet/logs/container_log_manager.go). */
export class LogRotation {
  readonly #options: LogRotationOptions;
  readonly #maxBytes: number;
  /** Of running containers, by id. */
  readonly #paths = new Map<string, string>();
  readonly #listeners = new Map<string, Set<() => void>>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: LogRotationOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 10 << 20;
  }

  /** Its log is looked after until it is forgotten. */
  watch(id: string, path: string): void {
    this.#paths.set(id, path);
    this.#timer ??= setInterval(() => {
      this.#looking ??= this.look().finally(() => {
        this.#looking = undefined;
      });
    }, this.#options.everyMs ?? 10_000).unref();
  }

  forget(id: string): void {
    this.#paths.delete(id);
    if (this.#paths.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Tells when a log was rotated: what was written before is in the old file. Gives what ends it. */
  onRotated(path: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(path) ?? new Set();
    this.#listeners.set(path, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(path);
    };
  }

  /** Rotates those that are too long. */
  async look(): Promise<void> {
    for (const [id, path] of [...this.#paths]) {
      // One that cannot be rotated is tried again at the next look.
      await this.#lookAt(id, path).catch(() => {});
    }
  }

  async #lookAt(id: string, path: string): Promise<void> {
    const { size } = await stat(path);
    if (size <= this.#maxBytes || !this.#paths.has(id)) return;
    await moveAside(path, Date.now());
    await this.#options.reopen(id);
    for (const listener of this.#listeners.get(path) ?? []) listener();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#paths.clear();
    await this.#looking;
  }
}
