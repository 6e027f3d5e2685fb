/** One probe of a container (k8s.io/kubernetes/pkg/kubelet/prober/prober.go). */
import type { Clock } from "@podwright/client";
import type { Container, Handler, Pod } from "../../kinds.ts";
import { formatDuration } from "../back-off.ts";
import { expandVariables } from "../environment/expansion.ts";
import type { ContainerRuntime } from "../runtime.ts";
import { type Connect, tcpProbe } from "./connect.ts";
import { containerPort } from "./container-port.ts";
import { grpcProbe } from "./grpc-probe.ts";
import { httpProbe } from "./http-probe.ts";
import type { ProbeOutcome } from "./probe-outcome.ts";

export interface ProbedContainer {
  runtime: ContainerRuntime;
  connect: Connect;
  clock: Clock;
  pod: Pod;
  container: Container;
  /** Of the run that is probed. */
  id: string;
  podIp: string;
}

/** Ends within the timeout, whatever hangs. Throws when it cannot be told how the container is. */
export async function runProbe(action: Handler, target: ProbedContainer, timeoutMs: number): Promise<ProbeOutcome> {
  const { container, podIp, runtime, clock, connect } = target;
  if (action.exec !== undefined) return execProbe(action.exec.command ?? [], target, timeoutMs);
  if (!runtime.runsPrograms) return { result: "success", output: "" };
  const options = { connect, clock, timeoutMs };
  if (action.httpGet !== undefined) return httpProbe(action.httpGet, container, podIp, options);
  if (action.tcpSocket !== undefined) {
    const port = containerPort(action.tcpSocket.port, container);
    return tcpProbe(action.tcpSocket.host || podIp, port, options);
  }
  if (action.grpc !== undefined) return grpcProbe(podIp, action.grpc.port, action.grpc.service ?? "", options);
  throw new Error(`missing probe handler for container ${container.name}`);
}

async function execProbe(
  command: readonly string[],
  { runtime, clock, container, id }: ProbedContainer,
  timeoutMs: number,
): Promise<ProbeOutcome> {
  const literals: Record<string, string> = {};
  for (const { name, value } of container.env ?? []) literals[name] = value ?? "";
  const words = command.map((word) => expandVariables(word, literals));
  const late = Promise.withResolvers<{ exitCode: number; output: string; timedOut: boolean }>();
  // The runtime ends the command itself; this is for one that hangs as well.
  const timer = clock.after(timeoutMs + 1000, () => late.resolve({ exitCode: 137, output: "", timedOut: true }));
  try {
    const { exitCode, output, timedOut } = await Promise.race([runtime.execSync(id, words, timeoutMs), late.promise]);
    if (timedOut) {
      const text = `${JSON.stringify(words.join(" "))} timed out after ${formatDuration(timeoutMs)}`;
      return { result: "failure", output: `command timed out: ${text}` };
    }
    return { result: exitCode === 0 ? "success" : "failure", output };
  } finally {
    timer.cancel();
  }
}
