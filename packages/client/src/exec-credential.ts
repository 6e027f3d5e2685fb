import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { type Clock, systemClock } from "@podwright/clock";
import { ConnectionConfigError, type Credential, type Credentials } from "./connection-config.ts";
import type { ExecConfig, KubeconfigCluster } from "./kubeconfig-file.ts";

export interface ExecCredentialOptions {
  /** Where the plugin is configured, for messages. */
  where: string;
  cluster: KubeconfigCluster;
  env: Record<string, string | undefined>;
  /** Whether a person can answer on standard input. Default: whether it is a terminal. */
  interactive?: boolean;
  /** A plugin that does not end by then is stopped. Default 5 min: it may wait for a person. */
  timeoutMs?: number;
  clock?: Clock;
}

interface ExecCredentialStatus {
  expirationTimestamp?: string;
  token?: string;
  clientCertificateData?: string;
  clientKeyData?: string;
}

const versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];
// The extension of a cluster that is handed to plugins (k8s.io/client-go/tools/clientcmd/client_config.go).
const clusterExtension = "client.authentication.k8s.io/exec";

/**
 * Credentials a plugin prints: run when first needed, kept until they expire or the server refuses them, one run at a
 * time. The plugin's stderr goes to ours.
 * Behaviour: k8s.io/client-go/plugin/pkg/client/auth/exec/exec.go.
 *
 * @throws ConnectionConfigError when the configuration is wrong (at once), or (from `current`) when the plugin fails.
 */
export function execCredentials(config: ExecConfig, options: ExecCredentialOptions): Credentials {
  const apiVersion = config.apiVersion ?? "";
  const fail = (message: string, cause?: unknown): never => {
    throw new ConnectionConfigError(`${options.where}: exec plugin ${config.command ?? ""}: ${message}`, cause);
  };
  if (!config.command) fail("no command is set");
  if (!versions.includes(apiVersion)) {
    fail(`apiVersion "${apiVersion}" is not supported; it can be ${versions.join(" or ")}`);
  }
  // v1beta1 has a default, v1 demands a choice (clientcmd/validation.go).
  const mode = config.interactiveMode ?? (apiVersion.endsWith("/v1beta1") ? "IfAvailable" : undefined);
  if (mode === undefined) fail("interactiveMode must be set: Never, IfAvailable or Always");
  if (mode !== "Never" && mode !== "IfAvailable" && mode !== "Always") fail(`unknown interactiveMode "${mode}"`);

  const clock = options.clock ?? systemClock;
  let cached: { credential: Credential; expiresAt: number } | undefined;
  let running: Promise<Credential> | undefined;

  async function refresh(): Promise<Credential> {
    const interactiveNow = options.interactive ?? process.stdin.isTTY === true;
    if (mode === "Always" && !interactiveNow) fail("it needs a terminal on standard input, and there is none");
    const interactive = mode !== "Never" && interactiveNow;
    let info: string;
    try {
      info = execInfo(apiVersion, interactive, config, options);
    } catch (error) {
      return fail(`cannot tell it of the cluster: ${(error as Error).message}`, error);
    }
    const stdout = await runPlugin(config, interactive, info, options);
    const status = credentialStatus(stdout, apiVersion, fail);
    const credential: Credential = {};
    if (status.token) credential.authorization = `Bearer ${status.token}`;
    if (status.clientCertificateData && status.clientKeyData) {
      credential.certificate = status.clientCertificateData;
      credential.key = status.clientKeyData;
    }
    const expiresAt =
      status.expirationTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(status.expirationTimestamp);
    if (Number.isNaN(expiresAt)) fail(`expirationTimestamp "${status.expirationTimestamp}" is no time`);
    // The same object for the same certificate keeps the connections.
    const before = cached?.credential;
    if (before !== undefined && before.certificate === credential.certificate && before.key === credential.key) {
      if (before.authorization === credential.authorization) cached = { credential: before, expiresAt };
      else cached = { credential, expiresAt };
    } else cached = { credential, expiresAt };
    return cached.credential;
  }

  function renew(): Promise<Credential> {
    running ??= refresh().finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    current() {
      if (cached !== undefined && clock.now() < cached.expiresAt) return cached.credential;
      return renew();
    },
    async rejected(used) {
      // Somebody else has renewed it meanwhile.
      if (cached !== undefined && cached.credential !== used) return true;
      return (await renew()) !== used;
    },
  };
}

function execInfo(
  apiVersion: string,
  interactive: boolean,
  config: ExecConfig,
  options: ExecCredentialOptions,
): string {
  const spec: Record<string, unknown> = { interactive };
  if (config.provideClusterInfo) {
    const { cluster } = options;
    const file = cluster["certificate-authority"];
    const caData = cluster["certificate-authority-data"] ?? (file ? readFileSync(file).toString("base64") : undefined);
    spec["cluster"] = {
      server: cluster.server,
      ...(cluster["tls-server-name"] ? { "tls-server-name": cluster["tls-server-name"] } : {}),
      ...(cluster["insecure-skip-tls-verify"] ? { "insecure-skip-tls-verify": true } : {}),
      ...(caData ? { "certificate-authority-data": caData } : {}),
      config: cluster.extensions?.find((extension) => extension.name === clusterExtension)?.extension ?? null,
    };
  }
  return JSON.stringify({ kind: "ExecCredential", apiVersion, spec });
}

function runPlugin(
  config: ExecConfig,
  interactive: boolean,
  info: string,
  options: ExecCredentialOptions,
): Promise<string> {
  const command = config.command ?? "";
  const env = { ...options.env };
  for (const { name, value } of config.env ?? []) env[name] = value;
  env["KUBERNETES_EXEC_INFO"] = info;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (message: string, cause?: unknown) =>
    reject(new ConnectionConfigError(`${options.where}: exec plugin ${command}: ${message}`, cause));
  const child = spawn(command, config.args ?? [], {
    env: env as NodeJS.ProcessEnv,
    stdio: [interactive ? "inherit" : "ignore", "pipe", "inherit"],
    timeout: options.timeoutMs ?? 300_000,
  });
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") return fail(error.message, error);
    const hint = config.installHint ? `\n\n${withoutControls(config.installHint)}` : "";
    fail(`no such executable; it is needed to log in to this cluster, install it or put it in PATH${hint}`, error);
  });
  child.once("close", (code, signal) => {
    if (code === 0) resolve(Buffer.concat(chunks).toString("utf8"));
    else fail(signal === null ? `it failed with exit code ${code}` : `it was ended by ${signal}`);
  });
  return promise;
}

function credentialStatus(
  stdout: string,
  apiVersion: string,
  fail: (message: string, cause?: unknown) => never,
): ExecCredentialStatus {
  let printed: { apiVersion?: string; kind?: string; status?: ExecCredentialStatus };
  try {
    printed = JSON.parse(stdout);
  } catch (cause) {
    return fail("it printed no JSON on standard output", cause);
  }
  if (printed?.kind !== "ExecCredential") return fail(`it printed kind "${printed?.kind}", not ExecCredential`);
  if (printed.apiVersion !== apiVersion) {
    return fail(`it is configured for ${apiVersion}, but printed ${printed.apiVersion}`);
  }
  const status = printed.status;
  if (!status) return fail("it printed no status");
  if (!status.token && !status.clientCertificateData && !status.clientKeyData) {
    return fail("it printed neither a token nor a client certificate and key");
  }
  if (!status.clientCertificateData !== !status.clientKeyData) {
    return fail("it printed only one of client certificate and key");
  }
  return status;
}

// A hint is text from a file somebody else may have written: it must not steer the terminal.
function withoutControls(text: string): string {
  return text.replace(/[^\P{C}\n\t]/gu, "");
}
