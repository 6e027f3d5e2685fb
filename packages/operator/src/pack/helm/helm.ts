import { randomUUID } from "node:crypto";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { JsonObject } from "@podwright/kube";
import type { HelmRelease } from "../release/release.ts";
import { HelmError, helmMessage } from "./helm-error.ts";
import { Leftovers } from "./leftovers.ts";
import { runProcess } from "./process.ts";

export interface HelmOptions {
  /** Gives the path of helm; asked once. */
  binary: () => Promise<string>;
  kubeconfig: string;
  context?: string;
  /** For helm's caches and for values: of its own, readable by nobody else. */
  folder: string;
}

/** A release, and as whom helm acts: the operator when `user` is absent. */
export interface HelmTarget {
  release: string;
  namespace: string;
  user?: string;
}

/** What install, upgrade and render have in common. */
export interface ChartOptions {
  /** A .tgz or a folder. */
  chart: string;
  values: JsonObject;
  timeoutMs: number;
  wait: boolean;
  disableHooks: boolean;
  skipCrds: boolean;
  /** Kept on the release's Secret. */
  labels?: Record<string, string>;
  /** A plugin in {@link Helm.plugins}, or for helm 3 the path of a program, with its argument. */
  postRenderer?: { name: string; argument: string };
  signal?: AbortSignal;
}

/** helm's own timeout comes first; this is for a helm that hangs. */
const patienceMs = 30_000;

/** Runs the helm binary (4, or 3.18 and later). Each method is one process and throws {@link HelmError}. */
export class Helm {
  /** Where helm finds plugins. */
  readonly plugins: string;
  readonly #options: HelmOptions;
  readonly #leftovers: Leftovers;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #prepared: Promise<string> | undefined;
  #major: Promise<number> | undefined;

  constructor(options: HelmOptions) {
    this.#options = options;
    this.plugins = join(options.folder, "plugins");
    this.#leftovers = new Leftovers(options.folder);
  }

  /** The major version of the binary: 3 or 4. */
  major(): Promise<number> {
    this.#major ??= this.#askMajor().catch((error: unknown) => {
      this.#major = undefined;
      throw error;
    });
    return this.#major;
  }

  /** How many processes this has run. */
  runs = 0;

  /** Kills what an operator that crashed left behind. */
  endLeftovers(): Promise<void> {
    return this.#leftovers.end();
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
  }

  /** `replace` takes the name of a release that was uninstalled but for its history. */
  install(
    target: HelmTarget,
    options: ChartOptions & { replace?: boolean; createNamespace?: boolean },
  ): Promise<HelmRelease> {
    return this.#chart("install", target, options, [
      ...(options.replace === true ? ["--replace"] : []),
      ...(options.skipCrds ? ["--skip-crds"] : []),
      // Not where it is there: helm would write it, with rights that an account of the namespace does not have.
      ...(options.createNamespace === true ? ["--create-namespace"] : []),
    ]);
  }

  upgrade(target: HelmTarget, options: ChartOptions & { maxHistory: number }): Promise<HelmRelease> {
    return this.#chart("upgrade", target, options, [
      "--reset-values",
      `--history-max=${options.maxHistory}`,
      ...(options.skipCrds ? ["--skip-crds"] : []),
    ]);
  }

  /** What install or upgrade would make; the cluster is asked (`lookup` works), nothing is written. */
  async render(target: HelmTarget, action: "install" | "upgrade", options: ChartOptions): Promise<HelmRelease> {
    return this.#chart(action, target, { ...options, wait: false }, ["--dry-run=server"]);
  }

  /** To the last revision that was deployed, or a given one. */
  async rollback(
    target: HelmTarget,
    options: { revision: number; timeoutMs: number; wait: boolean; maxHistory: number; signal?: AbortSignal },
  ): Promise<void> {
    const args = [
      "rollback",
      target.release,
      String(options.revision),
      `--timeout=${options.timeoutMs}ms`,
      `--history-max=${options.maxHistory}`,
      ...(options.wait ? ["--wait"] : []),
    ];
    await this.#run("rollback", target, args, options.timeoutMs, options.signal);
  }

  /** A release that is not there is fine. */
  async uninstall(
    target: HelmTarget,
    options: { timeoutMs: number; wait: boolean; disableHooks?: boolean; signal?: AbortSignal },
  ): Promise<void> {
    const args = [
      "uninstall",
      target.release,
      "--ignore-not-found",
      `--timeout=${options.timeoutMs}ms`,
      ...(options.wait ? ["--wait"] : []),
      ...(options.disableHooks === true ? ["--no-hooks"] : []),
    ];
    await this.#run("uninstall", target, args, options.timeoutMs, options.signal);
  }

  async test(target: HelmTarget, options: { timeoutMs: number; signal?: AbortSignal }): Promise<void> {
    const args = ["test", target.release, `--timeout=${options.timeoutMs}ms`];
    await this.#run("test", target, args, options.timeoutMs, options.signal);
  }

  /** The chart's CustomResourceDefinitions as YAML. */
  crds(target: HelmTarget, chart: string, options: { signal?: AbortSignal } = {}): Promise<string> {
    return this.#run("show crds", target, ["show", "crds", chart], 60_000, options.signal);
  }

  async #chart(
    action: "install" | "upgrade",
    target: HelmTarget,
    options: ChartOptions,
    more: string[],
  ): Promise<HelmRelease> {
    await this.#prepare();
    const file = join(this.#options.folder, "values", `${randomUUID()}.json`);
    await writeFile(file, JSON.stringify(options.values, exact), { mode: 0o600, flag: "wx" });
    try {
      const labels = Object.entries(options.labels ?? {}).map(([name, value]) => `${name}=${value}`);
      const args = [
        action,
        target.release,
        options.chart,
        `--values=${file}`,
        "--output=json",
        `--timeout=${options.timeoutMs}ms`,
        ...(options.wait ? ["--wait"] : []),
        ...(options.disableHooks ? ["--no-hooks"] : []),
        ...(labels.length > 0 ? [`--labels=${labels.join(",")}`] : []),
        ...(options.postRenderer !== undefined
          ? [`--post-renderer=${options.postRenderer.name}`, `--post-renderer-args=${options.postRenderer.argument}`]
          : []),
        ...more,
      ];
      const output = await this.#run(action, target, args, options.timeoutMs, options.signal);
      // Charts may print before the JSON, which is one line.
      return JSON.parse(output.slice(Math.max(output.indexOf("{"), 0))) as HelmRelease;
    } finally {
      await rm(file, { force: true });
    }
  }

  async #run(
    action: string,
    target: HelmTarget,
    args: readonly string[],
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<string> {
    const binary = await this.#prepare();
    const aborted = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
    if (aborted.aborted)
      throw new HelmError(action, `helm ${action} was not started: it was told to stop`, { aborted: true });
    let pid = 0;
    this.runs++;
    const running = runProcess(
      binary,
      [
        ...args,
        `--namespace=${target.namespace}`,
        `--kubeconfig=${this.#options.kubeconfig}`,
        ...(this.#options.context !== undefined ? [`--kube-context=${this.#options.context}`] : []),
        ...(target.user !== undefined ? [`--kube-as-user=${target.user}`] : []),
      ],
      {
        env: this.#environment(),
        cwd: this.#options.folder,
        timeoutMs: timeoutMs + patienceMs,
        signal: aborted,
        started: (id) => {
          pid = id;
          this.#leftovers.add(id).catch(() => {});
        },
      },
    );
    this.#running.add(running);
    try {
      const result = await running;
      if (result.code === 0) return result.stdout;
      if (aborted.aborted) throw new HelmError(action, `helm ${action} was told to stop`, { aborted: true });
      if (result.timedOut) {
        throw new HelmError(action, `helm ${action} did not end within ${timeoutMs + patienceMs} ms`, { killed: true });
      }
      if (result.killedBy !== undefined) {
        throw new HelmError(action, `helm ${action} was killed (${result.killedBy})`, { killed: true });
      }
      throw new HelmError(action, helmMessage(result.stderr) || `helm ${action} ended with exit code ${result.code}`);
    } finally {
      this.#running.delete(running);
      if (pid !== 0) await this.#leftovers.remove(pid);
    }
  }

  async #askMajor(): Promise<number> {
    const binary = await this.#prepare();
    const { folder } = this.#options;
    const options = { env: this.#environment(), cwd: folder, timeoutMs: patienceMs, signal: this.#stop.signal };
    const { code, stdout, stderr } = await runProcess(binary, ["version", "--template={{.Version}}"], options);
    const major = Number(/^v(\d+)\./.exec(stdout)?.[1]);
    if (code === 0 && major >= 3) return major;
    throw new HelmError("version", `${binary} does not say which helm it is: ${helmMessage(stderr) || stdout.trim()}`);
  }

  #environment(): Record<string, string> {
    const { folder } = this.#options;
    const kept: Record<string, string> = {};
    // What reaching the API server through a proxy or with an exec plugin needs, and nothing of helm's own settings.
    for (const [name, value] of Object.entries(process.env)) {
      if (value !== undefined && !/^(HELM_|KUBE)/.test(name)) kept[name] = value;
    }
    return {
      // A helm lives for a fraction of a second: collecting garbage would be a sixth of its work.
      GOGC: "400",
      GOMEMLIMIT: "256MiB",
      ...kept,
      ...this.#leftovers.environment,
      KUBECACHEDIR: join(folder, "kube"),
      HELM_CACHE_HOME: join(folder, "cache"),
      HELM_CONFIG_HOME: join(folder, "config"),
      HELM_DATA_HOME: join(folder, "data"),
      HELM_PLUGINS: this.plugins,
      HELM_DRIVER: "secret",
    };
  }

  #prepare(): Promise<string> {
    this.#prepared ??= this.#doPrepare().catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    return this.#prepared;
  }

  async #doPrepare(): Promise<string> {
    const { folder } = this.#options;
    for (const name of ["values", "cache", "config", "data", "plugins"]) {
      await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
    }
    await chmod(folder, 0o700);
    return this.#options.binary();
  }
}

/** Integers that no double holds are bigints here, and numbers for helm. */
function exact(_key: string, value: unknown): unknown {
  return typeof value === "bigint"
    ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value))
    : value;
}
