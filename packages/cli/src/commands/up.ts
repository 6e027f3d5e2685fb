import { join, relative, resolve } from "node:path";
import { type Cluster, startCluster } from "@podwright/cluster";
import { containerdSocket, startOperator } from "@podwright/operator";
import { findTool } from "../binaries.ts";
import { type EmbeddedPodService, startEmbeddedPodService } from "../embedded-pod-service.ts";
import { CommandError } from "../error.ts";
import { defaultCacheDir } from "../helm-connection.ts";
import { parseImages, parseUpParts } from "../parts.ts";
import { parseCount, parsePort, untilStopped } from "../process.ts";

interface Options {
  dataDir: string;
  memory?: boolean;
  port: string;
  kubeconfig?: string;
  nodes: string;
  runtime: string;
  podCidr?: string;
  without?: string[];
  podServicePort?: string;
  example?: string[];
  images: string;
  sync?: string | true;
  output: string;
}

/** `podwright up`: the embedded cluster with the operator in it, until Ctrl-C. */
export async function up(options: Options): Promise<void> {
  const { port, nodes, runtime, without, podService, images, chosen, json } = await check(options);
  const kubeconfigPath = resolve(options.kubeconfig ?? join(options.dataDir, "kubeconfig"));

  const cluster = await start({
    ...(options.memory ? {} : { dataDir: resolve(options.dataDir) }),
    port,
    nodes,
    runtime,
    ...(options.podCidr === undefined ? {} : { podCidr: options.podCidr }),
    kubeconfigPath,
  });
  try {
    const pods = podService
      ? startEmbeddedPodService({
          client: cluster.client,
          port: options.podServicePort,
          kubeconfigPath,
          dataDir: options.memory ? undefined : resolve(options.dataDir),
        })
      : undefined;
    // Told of where it is awaited.
    pods?.catch(() => {});
    const operator = await startOperator({
      client: cluster.client,
      without,
      pack: {
        helm: { binary: () => findTool("helm"), kubeconfig: kubeconfigPath },
        cacheDir: options.memory ? defaultCacheDir() : resolve(options.dataDir, "charts"),
      },
      fresh: {
        scope: "all",
        images,
        ...(options.sync === undefined
          ? {}
          : { sync: { socket: options.sync === true ? containerdSocket() : options.sync } }),
      },
      onError: (error) => console.error("podwright:", error),
    }).catch(async (error: unknown) => {
      await (await pods?.catch(() => undefined))?.stop();
      throw error;
    });
    let served: Awaited<typeof pods>;
    try {
      served = await pods;
      // Whoever reads that it is ready may stop it at once.
      const stopped = untilStopped();
      // Since the process began: what a person waits for.
      const readyMs = Math.round(performance.now());
      const shownPath = relative(process.cwd(), kubeconfigPath);
      if (json) {
        const ready = { kubeconfig: kubeconfigPath, server: cluster.server, runtime: cluster.runtime.name };
        const podService = served === undefined ? {} : { pod_service: served.url };
        console.log(JSON.stringify({ ...ready, ...podService, ready_ms: readyMs }));
      } else {
        console.log(`Kubernetes is up at ${cluster.server}, ready in ${readyMs} ms.`);
        console.log(`Kubeconfig: ${shownPath}`);
        if (served !== undefined) console.log(podServiceLine(served));
        console.log(runtimeLine(cluster.runtime, runtime));
      }
      for (const example of chosen) {
        const lines = await example.run(cluster.client, shownPath);
        if (!json) console.log(`\n${lines.join("\n")}`);
      }
      if (!json) {
        if (chosen.length === 0) {
          console.log(`\nTry next:\n  kubectl --kubeconfig ${shownPath} get nodes`);
        }
        console.log(`\n${stopLine(cluster.runtime, options)} Without a kubectl of your own: npx podwright kubectl …`);
      }
      await stopped;
    } finally {
      await served?.stop();
      await operator.stop();
    }
  } finally {
    await cluster.stop();
  }
}

const runtimes = ["simulated", "docker", "containerd", "auto"] as const;

function runtimeLine({ name, version }: Cluster["runtime"], asked: (typeof runtimes)[number]): string {
  if (name !== "simulated") return `Pods run in ${name} ${version}.`;
  const why = asked === "auto" ? ": neither docker nor containerd answers" : "";
  return `Pods are simulated${why}.`;
}

function stopLine({ name }: Cluster["runtime"], { memory, dataDir }: Options): string {
  if (name === "simulated" || memory) return "Ctrl-C stops it.";
  const where = dataDir === ".podwright" ? "" : ` --data-dir ${dataDir}`;
  return `Ctrl-C stops it, and its pods run on; podwright down${where} removes them.`;
}

async function check(options: Options) {
  const runtime = runtimes.find((name) => name === options.runtime);
  if (runtime === undefined) {
    throw new CommandError(`--runtime ${options.runtime}: there is ${runtimes.join(", ")}`, 2);
  }
  if (options.podCidr !== undefined && !/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/.test(options.podCidr)) {
    throw new CommandError(`--pod-cidr ${options.podCidr}: give a range as 10.200.0.0/22`, 2);
  }
  if (!["text", "json"].includes(options.output)) {
    throw new CommandError(`--output ${options.output}: there is text and json`, 2);
  }
  // Loaded for those who ask: most starts are without.
  const { examples } = options.example === undefined ? { examples: [] } : await import("../examples/examples.ts");
  const chosen = (options.example ?? []).map((name) => {
    const example = examples.find((candidate) => candidate.name === name);
    if (example !== undefined) return example;
    throw new CommandError(`--example ${name}: there is ${examples.map((candidate) => candidate.name).join(", ")}`, 2);
  });
  return {
    port: parsePort("--port", options.port),
    nodes: parseCount("--nodes", options.nodes, 0, 1000),
    runtime,
    ...parseUpParts(options.without),
    images: parseImages(options.images),
    chosen,
    json: options.output === "json",
  };
}

/** Starts the cluster; what a person can mend becomes a line that says how. */
async function start(options: Parameters<typeof startCluster>[0] & { port: number }): Promise<Cluster> {
  try {
    return await startCluster(options);
  } catch (error) {
    const { code, syscall, path = "" } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") {
      throw new CommandError(`port ${options.port} is in use: choose another with --port N (0 = any free)`);
    }
    if (code === "EACCES" && syscall === "listen") {
      throw new CommandError(`port ${options.port} is not allowed to this user: choose one above 1023 with --port N`);
    }
    if (options.kubeconfigPath !== undefined && isAbout(path, options.kubeconfigPath)) {
      throw new CommandError(
        `the kubeconfig ${options.kubeconfigPath} cannot be written (${code}): name another file with --kubeconfig`,
      );
    }
    if ((error as Error).name === "DockerError") throw new CommandError((error as Error).message);
    if (options.dataDir !== undefined && path.startsWith(options.dataDir)) {
      throw new CommandError(
        `the data directory ${options.dataDir} cannot be used (${code}): name another with --data-dir`,
      );
    }
    throw error;
  }
}

/** Whether a path is the file's, its temporary one's, or one of its folders'. */
function isAbout(path: string, file: string): boolean {
  return path !== "" && (path.startsWith(file) || file.startsWith(path));
}

function podServiceLine({ keyFile, url }: EmbeddedPodService): string {
  const key = keyFile === undefined ? "" : ` (key: ${relative(process.cwd(), keyFile)})`;
  return `Pods over HTTP: ${url}/docs${key}`;
}
