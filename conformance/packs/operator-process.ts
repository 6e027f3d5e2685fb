import { laneHelm } from "../lane.ts";
import { podwrightFile, startProgram } from "../machine/program.ts";

/** `podwright operator` in a process of its own. */
export interface OperatorProcess {
  pid: number;
  /** SIGKILL; resolves when it is dead. What it had started lives on. */
  kill(): Promise<void>;
  /** As Ctrl-C. */
  stop(): Promise<void>;
}

/** Resolves when it works, or stands by to lead. */
export async function startOperatorProcess(options: {
  kubeconfig: string;
  cacheDir: string;
  /** "namespace/name" of the Lease. */
  lease: string;
  helm?: string;
  /** The parts to leave out; default: all but packs. */
  without?: string[];
}): Promise<OperatorProcess> {
  const args = ["--kubeconfig", options.kubeconfig, "--cache-dir", options.cacheDir, "--lease", options.lease];
  const without = options.without ?? ["nanopod", "reflector", "redeploy"];
  const { pid, end } = await startProgram([podwrightFile, "operator", ...args, "--without", ...without], {
    HELM: options.helm ?? (await laneHelm()),
  });
  return { pid, kill: () => end("SIGKILL"), stop: () => end("SIGINT") };
}

/** Whether there is such a process. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
