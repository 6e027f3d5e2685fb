/**
 * Forgets UDP flows to endpoints that are gone: without an end of a connection the kernel would go on sending them
 * there (k8s.io/kubernetes/pkg/proxy/conntrack/cleanup.go).
 */
import type { Logger } from "@podwright/client";
import { HostCommandError, type HostCommands } from "../host-commands.ts";
import type { ServicePortEntry } from "../service-ports.ts";

/** One call of conntrack: which flows to forget. */
export type StaleFlow = readonly string[];

/** The flows that the change makes stale. */
export function staleFlows(before: readonly ServicePortEntry[], after: readonly ServicePortEntry[]): StaleFlow[] {
  const flows = new Map<string, StaleFlow>();
  const add = (...match: string[]): unknown => flows.set(match.join(" "), ["-p", "udp", ...match]);
  const current = new Map(after.map((entry) => [keyOf(entry), entry]));
  const former = new Map(before.map((entry) => [keyOf(entry), entry]));
  for (const [key, old] of former) {
    if (old.protocol !== "UDP") continue;
    const left = new Set(current.get(key)?.endpoints.map(({ ip, port }) => `${ip}:${port}`));
    for (const { ip, port } of old.endpoints) {
      if (left.has(`${ip}:${port}`)) continue;
      for (const match of destinations(old)) add(...match, "--dst-nat", ip);
    }
  }
  for (const [key, entry] of current) {
    if (entry.protocol !== "UDP" || entry.endpoints.length === 0) continue;
    // What was sent before there was anybody went somewhere else, and would go on going there.
    if ((former.get(key)?.endpoints.length ?? 0) > 0) continue;
    for (const match of destinations(entry)) add(...match);
  }
  return [...flows.values()];
}

function keyOf({ name, protocol, clusterIp, port }: ServicePortEntry): string {
  return `${name} ${protocol} ${clusterIp} ${port}`;
}

function destinations({ clusterIp, externalIps, port, nodePort }: ServicePortEntry): string[][] {
  const addresses = [clusterIp, ...externalIps].map((ip) => ["--orig-dst", ip, "--orig-port-dst", String(port)]);
  return nodePort === 0 ? addresses : [...addresses, ["--orig-port-dst", String(nodePort)]];
}

/** Gives what forgets flows; says once where the machine has no program for it. */
export function conntrack(commands: HostCommands, logger: Logger): (flows: readonly StaleFlow[]) => Promise<void> {
  let missing = false;
  return async (flows) => {
    for (const flow of flows) {
      if (missing) return;
      try {
        await commands.run(["conntrack", "-D", ...flow]);
      } catch (error) {
        const { exitCode, message } = error as HostCommandError;
        if (!(error instanceof HostCommandError)) throw error;
        if (exitCode === 127 || exitCode === 126) {
          missing = true;
          logger.warn("conntrack is not installed: UDP clients of a Service find its new endpoints 30 s to 2 min late");
        } else if (!message.includes("0 flow entries")) {
          logger.warn("stale UDP flows could not be removed", { error: message });
        }
      }
    }
  };
}
