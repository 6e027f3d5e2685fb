import { spawn } from "node:child_process";
import { findTool, packagedTool } from "podwright";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs kubectl with the arguments (and text for its standard input) and gives what came of it, whatever the exit code. */
export type RunKubectl = (args: string[], input?: string) => Promise<Ran>;

/** The program: kubectl 1.35 from npm where it fits the platform, else the machine's own. */
export async function kubectlProgram(): Promise<string> {
  return process.env["KUBECTL"] ?? (await packagedTool("kubectl").catch(() => findTool("kubectl")));
}

/** kubectl on a cluster, with variables of its own. */
export async function kubectlRunner(kubeconfig: string, env: Record<string, string> = {}): Promise<RunKubectl> {
  const kubectl = await kubectlProgram();
  return (args, input) => run(kubectl, ["--kubeconfig", kubeconfig, ...args], input, env);
}

/** Runs a program to its end. */
export function run(program: string, args: string[], input?: string, env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env } });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
  });
}
