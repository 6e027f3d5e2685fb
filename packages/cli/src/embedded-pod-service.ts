import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Client } from "@podwright/client";
import { ConfigError, readConfig } from "@podwright/pod-service/config";
import { type PodServiceOnDemand, servePodsOnDemand } from "@podwright/pod-service/on-demand";
import { CommandError } from "./error.ts";
import { parsePort } from "./process.ts";

/** The pod service of `podwright up`. */
export interface EmbeddedPodService extends PodServiceOnDemand {
  /** The file that holds the shared key; undefined when the environment gave one. */
  keyFile: string | undefined;
}

/**
 * Starts it beside the embedded cluster: it listens at once and loads the rest when it is needed. The key that its
 * callers need is MOOPKEY's, or one that is made once and kept beside the kubeconfig.
 */
export async function startEmbeddedPodService(options: {
  client: Client;
  port: string | undefined;
  kubeconfigPath: string;
  /** Where history and queue are kept; nowhere when absent. */
  dataDir: string | undefined;
}): Promise<EmbeddedPodService> {
  const { client, dataDir, port } = options;
  const given = configOf();
  const keyFile = given.moopkey === undefined ? join(dirname(options.kubeconfigPath), "moopkey") : undefined;
  const config = {
    ...given,
    moopkey: given.moopkey ?? (await keyIn(keyFile as string)),
    ...(port === undefined ? {} : { port: parsePort("--pod-service-port", port) }),
    ...(dataDir === undefined ? {} : { dataDir: join(dataDir, "pod-service") }),
    // The terminal is the command's: what goes well is not for it.
    logLevel: process.env["LOG_LEVEL"] ? given.logLevel : ("warn" as const),
  };
  try {
    const onError = (error: unknown): void => console.error("podwright:", error);
    return { ...(await servePodsOnDemand({ client, config, anyPort: port === undefined, onError })), keyFile };
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall !== "listen") throw error;
    throw new CommandError(
      `port ${config.port} cannot be listened on (${code}): choose another with --pod-service-port N (0 = any free)`,
    );
  }
}

function configOf() {
  try {
    return readConfig(undefined, process.env);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(error.message, 2);
    throw error;
  }
}

async function keyIn(file: string): Promise<string> {
  try {
    const key = (await readFile(file, "utf8")).trim();
    if (key !== "") return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const key = randomBytes(24).toString("base64url");
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return key;
}
