/**
 * Whose rules they are. A cluster in memory has another id each time, so nobody would look for what it left when its
 * process was killed: the next cluster on the machine takes it away.
 */
import { readlink } from "node:fs/promises";
import { isDead, thisProcess } from "../../node/runtimes/owner-process.ts";
import type { HostCommands } from "../host-commands.ts";
import { removeServiceRoute } from "../service-route.ts";
import { removal } from "./rule-set.ts";

/** A comment that names this process: its id, when it began, and where its id holds. */
export async function ownerComment(): Promise<string> {
  return `process ${await thisProcess()} ${await processNamespace()}`;
}

/** Takes away the rules of clusters whose processes have ended. Those of processes not to be seen from here stay. */
export async function removeOrphans(commands: HostCommands): Promise<void> {
  const { stdout } = await commands.run(["iptables-save"]);
  const here = await processNamespace();
  const owners = stdout.matchAll(/^-A (PWT-[0-9a-f]{8}-)POSTROUTING -m comment --comment "process (\S+) (\S+)"$/gm);
  for (const [, prefix = "", owner = "", namespace] of owners) {
    if (namespace !== here || here === unknown || !(await isDead(owner))) continue;
    const { stdout: now } = await commands.run(["iptables-save"]);
    await commands.run(["iptables-restore", "--noflush", "--wait", "10"], removal(now, prefix));
    await removeServiceRoute(commands, prefix);
  }
}

const unknown = "unknown";

function processNamespace(): Promise<string> {
  return readlink("/proc/self/ns/pid").catch(() => unknown);
}
