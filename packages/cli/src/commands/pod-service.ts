import { existsSync } from "node:fs";
import { Client, type ConnectionConfig, HttpTransport, inClusterConfig, TransportError } from "@podwright/client";
import { ConfigError, type PodService, readConfig, type ServiceConfig, startPodService } from "@podwright/pod-service";
import { type ClusterFlags, connectionOf } from "../connection.ts";
import { CommandError } from "../error.ts";
import { parsePort, untilStopped } from "../process.ts";

interface Options extends ClusterFlags {
  config?: string;
  host?: string;
  port?: string;
  dataDir?: string;
}

/** An API server that has not answered by then is taken for gone; what was asked of it is asked again. */
const responseTimeoutMs = 30_000;

/** `podwright pod-service`: serves tenants until it is told to stop. */
export async function podService(options: Options): Promise<void> {
  const config = configOf(options);
  const connection = clusterOf(options, config);
  const client = new Client(new HttpTransport(connection, { responseTimeoutMs }), {
    userAgent: "podwright-pod-service",
  });
  try {
    const service = await start(client, config, connection.server);
    const stopped = untilStopped();
    console.log(JSON.stringify({ url: service.url, docs: `${service.url}/docs`, cluster: connection.server }));
    await stopped;
    await service.stop();
  } finally {
    await client.close();
  }
}

function configOf(options: Options): ServiceConfig {
  const file = options.config ?? (existsSync("config.yaml") ? "config.yaml" : undefined);
  try {
    const config = readConfig(file, process.env);
    return {
      ...config,
      ...(options.host === undefined ? {} : { host: options.host }),
      ...(options.port === undefined ? {} : { port: parsePort("--port", options.port) }),
      ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
    };
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(error.message, 2);
    throw error;
  }
}

function clusterOf(options: Options, config: ServiceConfig): ConnectionConfig {
  if (config.inCluster) return inClusterConfig();
  return connectionOf(options);
}

/** Starts the service; what a person can mend becomes a line that says how. */
async function start(client: Client, config: ServiceConfig, server: string): Promise<PodService> {
  try {
    return await startPodService({ client, config });
  } catch (error) {
    if (error instanceof TransportError) {
      throw new CommandError(
        `no answer from ${server} (${error.code}): start that cluster, or name another with --kubeconfig or --context`,
      );
    }
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (syscall === "listen") {
      throw new CommandError(
        `${config.host}:${config.port} cannot be listened on (${code}): choose another with --port N`,
      );
    }
    if (config.dataDir !== undefined && ["EACCES", "EPERM", "ENOTDIR", "EROFS", "EEXIST"].includes(code ?? "")) {
      throw new CommandError(
        `the data directory ${config.dataDir} cannot be used (${message}): name another with --data-dir`,
      );
    }
    throw error;
  }
}
