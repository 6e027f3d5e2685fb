/**
 * Lets a bridge send a packet back where it came from: a pod that calls a Service and gets itself as the endpoint.
 * Needed where bridged packets pass iptables (see the kubelet's hairpin-veth of old, and the option hairpinMode of
 * the CNI bridge plugin).
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostCommands } from "./host-commands.ts";

/** Turns it on for the ports of the bridge that do not have it. A bridge that is gone is fine. */
export async function allowHairpin(bridge: string, commands: HostCommands, sysfs = "/sys/class/net"): Promise<void> {
  const ports = await readdir(join(sysfs, bridge, "brif")).catch(() => []);
  for (const port of ports) {
    const mode = await readFile(join(sysfs, bridge, "brif", port, "hairpin_mode"), "utf8").catch(() => "1");
    if (mode.trim() === "1") continue;
    // The port may have gone with its pod meanwhile.
    await commands
      .run(["ip", "link", "set", "dev", port, "type", "bridge_slave", "hairpin", "on"])
      .catch(() => undefined);
  }
}
