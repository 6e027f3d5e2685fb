import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { findTool } from "../binaries.ts";

/** Where `podwright up` writes it unless told otherwise. */
const defaultKubeconfig = ".podwright/kubeconfig";

/**
 * Runs kubectl or helm with the arguments and ends as it ends. Where neither KUBECONFIG nor --kubeconfig says which
 * cluster, it is the one that `podwright up` started in this folder.
 */
export async function runTool(tool: "kubectl" | "helm", args: string[]): Promise<void> {
  const path = await findTool(tool);
  const env = { ...process.env };
  if (env["KUBECONFIG"] === undefined && existsSync(defaultKubeconfig)) env["KUBECONFIG"] = defaultKubeconfig;
  const child = spawn(path, args, { stdio: "inherit", env });
  // A terminal sends Ctrl-C to both; the tool decides what it means.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 1)));
  });
}
