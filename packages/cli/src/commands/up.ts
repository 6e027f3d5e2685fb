import { join, relative, resolve } from "node:path";
import { type Cluster, startCluster } from "@podwright/cluster";
import { startOperator } from "@podwright/operator";
import { findTool } from "../binaries.ts";
import { CommandError } from "../error.ts";
import { defaultCacheDir } from "../helm-connection.ts";
import { parseParts } from "../parts.ts";
import { parseCount, parsePort, untilStopped } from "../process.ts";

interface Options {
  dataDir: string;
  memory?: boolean;
  port: string;
  kubeconfig?: string;
  nodes: string;
  runtime: string;
  without?: string[];
  example?: string[];
  output: string;
}

/** `podwright up`: the embedded cluster with the operator in it, until Ctrl-C. */
export async function up(options: Options): Promise<void> {
  const { port, nodes, without, chosen, json } = await check(options);
  const kubeconfigPath = resolve(options.kubeconfig ?? join(options.dataDir, "kubeconfig"));

  const cluster = await start({
    ...(options.memory ? {} : { dataDir: resolve(options.dataDir) }),
    port,
    nodes,
    kubeconfigPath,
  });
  try {
    const operator = await startOperator({
      client: cluster.client,
      without,
      pack: {
        helm: { binary: () => findTool("helm"), kubeconfig: kubeconfigPath },
        cacheDir: options.memory ? defaultCacheDir() : resolve(options.dataDir, "charts"),
      },
      onError: (error) => console.error("podwright:", error),
    });
    try {
      // Whoever reads that it is ready may stop it at once.
      const stopped = untilStopped();
      // Since the process began: what a person waits for.
      const readyMs = Math.round(performance.now());
      const shownPath = relative(process.cwd(), kubeconfigPath);
      if (json) {
        console.log(JSON.stringify({ kubeconfig: kubeconfigPath, server: cluster.server, ready_ms: readyMs }));
      } else {
        console.log(`Kubernetes is up at ${cluster.server}, ready in ${readyMs} ms.`);
        console.log(`Kubeconfig: ${shownPath}`);
      }
      for (const example of chosen) {
        const lines = await example.run(cluster.client, shownPath);
        if (!json) console.log(`\n${lines.join("\n")}`);
      }
      if (!json) {
        if (chosen.length === 0) {
          console.log(`\nTry next:\n  kubectl --kubeconfig ${shownPath} get nodes`);
        }
        console.log("\nCtrl-C stops it. Without a kubectl of your own: npx podwright kubectl …");
      }
      await stopped;
    } finally {
      await operator.stop();
    }
  } finally {
    await cluster.stop();
  }
}

async function check(options: Options) {
  if (!["simulated", "auto"].includes(options.runtime)) {
    throw new CommandError(`--runtime ${options.runtime}: there is simulated, and auto, which takes it`, 2);
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
    without: parseParts(options.without),
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
