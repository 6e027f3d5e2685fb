import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import type { Container, Pod } from "../../../kinds.ts";
import type { ContainerConfig, ContainerExit, ContainerRuntime, LogLine, LogOptions } from "../../runtime.ts";
import type { RuntimeMachine } from "../runtime-machine.ts";

export interface RuntimeUnderTest {
  machine: RuntimeMachine;
  /** An image of busybox that it has: PATH=/bin, command sh, user root. */
  image: string;
  /** A folder for pods' files, seen by containers at the same path. */
  folder: string;
  /** Ends the pod's pause process, or what stands for it, behind the runtime's back. */
  loseSandbox(podUid: string): Promise<void>;
  stop(): Promise<void>;
}

export const waiting = { timeout: 30_000, interval: 20 };

export type RuntimeFixture = ReturnType<typeof useRuntime>;

/** A runtime for each test of a describe block, which must leave nothing of its pods behind. */
export function useRuntime(start: () => Promise<RuntimeUnderTest>) {
  let under: RuntimeUnderTest;
  let runtime: ContainerRuntime;
  let exits: Map<string, ContainerExit>;
  let lost: string[];
  let count = 0;

  beforeAll(async () => {
    under = await start();
  }, 60_000);
  afterAll(() => under?.stop(), 60_000);
  beforeEach(() => {
    exits = new Map();
    lost = [];
    runtime = open();
  });
  afterEach(async () => {
    const pods = await runtime.listPods();
    await Promise.all(pods.map((pod) => runtime.removePod(pod)));
    expect(await runtime.listPods()).toEqual([]);
    await runtime.close();
  }, 60_000);

  function open(): ContainerRuntime {
    return under.machine.runtime("contract", "10.0.0.0/24", {
      exited: (id, exit) => exits.set(id, exit),
      sandboxLost: (uid) => lost.push(uid),
    });
  }

  function podOf(...containers: Partial<Container>[]): Pod {
    count += 1;
    const named = containers.map((container, index) => ({ name: `c${index}`, image: under.image, ...container }));
    const metadata = { name: `pod-${count}`, namespace: "default", uid: `uid-${process.pid}-${count}` };
    return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: named } };
  }

  async function sandboxOf(pod: Pod): Promise<string> {
    const directory = join(await mkdtemp(join(under.folder, "pod-")), "own");
    const dns = { servers: ["10.96.0.10"], searches: ["default.svc.cluster.local"], options: ["ndots:5"] };
    const { ip } = await runtime.startSandbox(pod, {
      hostname: pod.metadata.name ?? "",
      dns,
      sysctls: {},
      directory,
    });
    return ip ?? "";
  }

  async function startIn(pod: Pod, index = 0, config: Partial<ContainerConfig> = {}): Promise<string> {
    const container = pod.spec.containers[index] as Container;
    const image = await runtime.findImage(container.image ?? "");
    if (image === undefined) throw new Error("the image is not there");
    const { id } = await runtime.startContainer(pod, container, {
      attempt: 0,
      image,
      env: [],
      command: container.command,
      args: container.args,
      mounts: [],
      supplementalGroups: [],
      logDirectory: join(under.folder, "logs", pod.metadata.uid ?? ""),
      ...config,
    });
    return id;
  }

  /** Starts a shell command in a pod of its own. */
  async function run(script: string, more: Partial<Container> = {}, config: Partial<ContainerConfig> = {}) {
    const pod = podOf({ command: ["sh", "-c", script], ...more });
    const ip = await sandboxOf(pod);
    return { pod, ip, id: await startIn(pod, 0, config) };
  }

  async function ended(id: string): Promise<ContainerExit> {
    return vi.waitFor(() => {
      const exit = exits.get(id);
      if (exit === undefined) throw new Error("it has not ended");
      return exit;
    }, waiting);
  }

  function logOf(pod: Pod, id: string, options: Partial<LogOptions> = {}): AsyncIterable<LogLine> {
    const run = { id, startedAtMs: 0, stoppedAtMs: undefined };
    return runtime.log(pod, pod.spec.containers[0] as Container, run, {
      follow: false,
      tailLines: undefined,
      sinceMs: undefined,
      stream: undefined,
      signal: new AbortController().signal,
      ...options,
    });
  }

  async function logged(pod: Pod, id: string, options: Partial<LogOptions> = {}): Promise<string> {
    let all = "";
    for await (const line of logOf(pod, id, options)) all += line.text.toString();
    return all;
  }

  /** What a command prints that runs to its end. */
  async function outputOf(script: string, more?: Partial<Container>, config?: Partial<ContainerConfig>) {
    const { pod, id } = await run(script, more, config);
    const exit = await ended(id);
    return { ...exit, output: await logged(pod, id) };
  }

  const commandOf = (id: string, script: string, timeoutMs = 20_000) =>
    runtime.execSync(id, ["sh", "-c", script], timeoutMs);

  return {
    podOf,
    sandboxOf,
    startIn,
    run,
    ended,
    logOf,
    logged,
    outputOf,
    commandOf,
    get under() {
      return under;
    },
    get runtime() {
      return runtime;
    },
    get exits() {
      return exits;
    },
    get lost() {
      return lost;
    },
    /** The runtime of an agent after that one. */
    reopen(): void {
      runtime = open();
    },
  };
}
