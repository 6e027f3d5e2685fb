import { Client, HttpTransport, loadKubeconfig, TransportError } from "@podwright/client";
import { type Operator, type OperatorOptions, startOperator } from "@podwright/operator";
import { CommandError } from "../error.ts";
import { parsePort, untilStopped } from "../process.ts";

interface Options {
  kubeconfig?: string;
  context?: string;
  webhookHost?: string;
  webhookPort: string;
  webhookUrl?: string;
  webhookService?: string;
}

/** `podwright operator`: runs the operator until it is told to stop. */
export async function operator(options: Options): Promise<void> {
  const webhook: NonNullable<OperatorOptions["webhook"]> = { port: parsePort("--webhook-port", options.webhookPort) };
  if (options.webhookService !== undefined) {
    const [namespace, name, ...rest] = options.webhookService.split("/");
    if (!namespace || !name || rest.length > 0) {
      throw new CommandError(`--webhook-service ${options.webhookService}: give it as namespace/name`, 2);
    }
    webhook.address = { service: { namespace, name } };
    webhook.host = "0.0.0.0";
  } else if (options.webhookUrl !== undefined) {
    if (!URL.canParse(options.webhookUrl) || new URL(options.webhookUrl).protocol !== "https:") {
      throw new CommandError(`--webhook-url ${options.webhookUrl}: give an https URL`, 2);
    }
    webhook.address = { url: options.webhookUrl.replace(/\/$/, "") };
  }
  if (options.webhookHost !== undefined) webhook.host = options.webhookHost;

  const config = loadKubeconfig({
    ...(options.kubeconfig !== undefined ? { path: options.kubeconfig } : {}),
    ...(options.context !== undefined ? { context: options.context } : {}),
  });
  const client = new Client(new HttpTransport(config), { userAgent: "podwright" });
  try {
    const running = await start(
      { client, webhook, onError: (error) => console.error("podwright:", error) },
      config.server,
    );
    const stopped = untilStopped();
    console.log(`Podwright arms pods on ${config.server}. Ctrl-C stops it.`);
    await stopped;
    await running.stop();
  } finally {
    await client.close();
  }
}

/** Starts the operator; what a person can mend becomes a line that says how. */
async function start(options: OperatorOptions, server: string): Promise<Operator> {
  try {
    return await startOperator(options);
  } catch (error) {
    if (error instanceof TransportError) {
      const { message } = (error.cause as Error | undefined) ?? error;
      throw new CommandError(
        `no answer from ${server} (${message || error.code}): start that cluster, or name another with --kubeconfig or --context`,
      );
    }
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === "listen" && (code === "EADDRINUSE" || code === "EACCES")) {
      throw new CommandError(
        `port ${options.webhook?.port} cannot be listened on (${code}): choose another with --webhook-port N (0 = any free)`,
      );
    }
    throw error;
  }
}
