/**
 * A way for the machine's own packets to ClusterIPs. They are translated after the kernel has looked for a route,
 * so without one (a laptop that is offline) there would be nothing to translate. It leads to "lo": by way of the
 * bridge a pod's packet would leave where it came in, and the redirects that the kernel sends then use up what it
 * allows itself of ICMP, so that refusals would not be told. It goes with the gateway's address at the latest.
 */
import type { HostCommands } from "./host-commands.ts";

/** @param chains the prefix of the cluster's chains, which the route is found by. */
export async function addServiceRoute(
  commands: HostCommands,
  chains: string,
  { serviceCidr, gateway }: { serviceCidr: string; gateway: string },
): Promise<void> {
  const words = ["dev", "lo", "metric", metricOf(chains)];
  await commands.run(["ip", "route", "replace", serviceCidr, ...words, "src", gateway]);
}

/** Fine when it is gone already. */
export async function removeServiceRoute(commands: HostCommands, chains: string): Promise<void> {
  await commands.run(["ip", "route", "flush", "dev", "lo", "metric", metricOf(chains)]).catch(() => undefined);
}

/** Another cluster may have a route to the same range: each has a metric of its own. */
function metricOf(chains: string): string {
  const [, hash = "0"] = /^PWT-([0-9a-f]{8})-/.exec(chains) ?? [];
  return String(20_000 + (Number.parseInt(hash, 16) % 10_000_000));
}
