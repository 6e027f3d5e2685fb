import { readFile } from "node:fs/promises";

/** Whether packets between two ports of a bridge pass iptables (the module br_netfilter, on). */
export async function bridgedPacketsPassIptables(): Promise<boolean> {
  const text = await readFile("/proc/sys/net/bridge/bridge-nf-call-iptables", "utf8").catch(() => "0");
  return text.trim() === "1";
}
