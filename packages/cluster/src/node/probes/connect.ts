/** TCP connections of probes. */
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "@podwright/client";
import type { ProbeOutcome } from "./probe-outcome.ts";

/** A connection to an address; destroyed when the signal aborts. */
export type Connect = (host: string, port: number, signal: AbortSignal) => Promise<Duplex>;

/** From this process: the node reaches its pods. */
export const directConnect: Connect = (host, port, signal) =>
  new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port });
    // For whoever does not listen any more.
    socket.on("error", reject);
    socket.once("connect", () => resolve(socket));
    signal.addEventListener("abort", () => socket.destroy(), { once: true });
  });

/** What went wrong, as Go words it. */
export function dialProblem(error: unknown, address: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ECONNREFUSED: "connect: connection refused",
    EHOSTUNREACH: "connect: no route to host",
    ENETUNREACH: "connect: network is unreachable",
    ETIMEDOUT: "connect: connection timed out",
    ECONNRESET: "connect: connection reset by peer",
  };
  const reason = reasons[code ?? ""];
  return reason === undefined ? message : `dial tcp ${address}: ${reason}`;
}

/** Whether somebody listens (k8s.io/kubernetes/pkg/probe/tcp). */
export async function tcpProbe(
  host: string,
  port: number,
  { connect, clock, timeoutMs }: { connect: Connect; clock: Clock; timeoutMs: number },
): Promise<ProbeOutcome> {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const ended = new AbortController();
  const { promise: late, resolve } = Promise.withResolvers<ProbeOutcome>();
  const timer = clock.after(timeoutMs, () =>
    resolve({ result: "failure", output: `dial tcp ${address}: i/o timeout` }),
  );
  try {
    const open = connect(host, port, ended.signal).then((): ProbeOutcome => ({ result: "success", output: "" }));
    return await Promise.race([open, late]);
  } catch (error) {
    return { result: "failure", output: dialProblem(error, address) };
  } finally {
    timer.cancel();
    ended.abort();
  }
}
