import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { cpuSeconds, residentMb } from "./process-cost.ts";
import { podwrightFile, startProgram } from "./program.ts";

/** `podwright up` in a process of its own. */
export interface PodwrightProcess {
  pid: number;
  kubeconfig: string;
  /** Resident memory now, in MB. */
  residentMb(): Promise<number>;
  /** Processor time used so far, in seconds. */
  cpuSeconds(): Promise<number>;
  /** Resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts the cluster of a data directory on a runtime; resolves when it says that it is ready. */
export async function startPodwright(options: {
  dataDir: string;
  runtime: "docker" | "containerd";
  /** DOCKER_HOST or CONTAINERD_ADDRESS. */
  env: Record<string, string>;
  /** More for its command line. */
  args?: string[];
}): Promise<PodwrightProcess> {
  const { dataDir, runtime, env, args: more = [] } = options;
  const args = ["up", "--output", "json", "--port", "0", "--data-dir", dataDir, "--runtime", runtime, ...more];
  const { pid, firstLine, end } = await startProgram([podwrightFile, ...args], env);
  const { kubeconfig } = JSON.parse(firstLine) as { kubeconfig: string };
  return {
    pid,
    kubeconfig,
    residentMb: async () => (await residentMb(pid)).now,
    cpuSeconds: () => cpuSeconds(pid),
    end,
  };
}

/** Runs `podwright down` for a data directory; gives what it prints. */
export async function podwrightDown(dataDir: string, env: Record<string, string>): Promise<string> {
  const options = { env: { ...process.env, ...env } };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [podwrightFile, "down", "--data-dir", dataDir],
    options,
  );
  return stdout;
}

/** A `podwright` command that runs. */
export interface PodwrightCommand {
  /** What it has printed so far. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with its exit code; null when a signal ended it. */
  ended: Promise<number | null>;
}

/** Runs `podwright` with these arguments. */
export function runPodwright(
  args: readonly string[],
  { cwd, env }: { cwd: string; env: Record<string, string> },
): PodwrightCommand {
  const child = spawn(process.execPath, [podwrightFile, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  return {
    output: () => output,
    kill: (signal) => {
      child.kill(signal);
    },
    ended: new Promise((resolve) => child.once("close", resolve)),
  };
}
