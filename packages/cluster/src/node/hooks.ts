/** postStart and preStop (k8s.io/kubernetes/pkg/kubelet/lifecycle/handlers.go). */
import { sleep } from "@podwright/client";
import type { Handler } from "../kinds.ts";
import { describePod } from "../pods.ts";
import { httpHook } from "./probes/http-probe.ts";
import type { ProbedContainer } from "./probes/run-probe.ts";

/** Long enough for any hook: it is cut off by the signal. */
const execLimitMs = 2 ** 31 - 1;
/** The kubelet's HTTP client of hooks has no limit of its own; a server that never answers is not waited for longer. */
const httpLimitMs = 300_000;

/**
 * Runs a hook to its end. Throws when it fails; what the message says may hold secrets and belongs in no event.
 * Rejects with the signal's reason when that aborts.
 */
export async function runHook(hook: Handler, target: ProbedContainer, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([perform(hook, target, signal), aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function perform(hook: Handler, target: ProbedContainer, signal: AbortSignal): Promise<void> {
  const { runtime, clock, container, podIp, connect } = target;
  const whose = `for Container ${JSON.stringify(container.name)} in Pod ${JSON.stringify(describePod(target.pod))}`;
  if (hook.sleep !== undefined) return sleep(clock, hook.sleep.seconds * 1000, signal);
  if (hook.exec !== undefined) {
    const command = hook.exec.command ?? [];
    const what = `Exec lifecycle hook ([${command.join(" ")}]) ${whose} failed - error`;
    const { exitCode, output } = await runtime.execSync(target.id, command, execLimitMs).catch((error: Error) => {
      throw new Error(`${what}: ${error.message}, message: ""`);
    });
    if (exitCode === 0) return;
    const ended = `command '${command.join(" ")}' exited with ${exitCode}: ${output}`;
    throw new Error(`${what}: ${ended}, message: ${JSON.stringify(output)}`);
  }
  if (!runtime.runsPrograms) return;
  if (hook.httpGet !== undefined) {
    const options = { connect, clock, timeoutMs: httpLimitMs };
    return httpHook(hook.httpGet, container, podIp, options).catch((error: Error) => {
      throw new Error(`HTTP lifecycle hook (${hook.httpGet?.path ?? ""}) ${whose} failed - error: ${error.message}`);
    });
  }
  throw new Error("Cannot run handler: invalid handler");
}
