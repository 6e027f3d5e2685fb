import { readFile } from "node:fs/promises";

/** This process for others: its id, and when it began, as ids are used again. */
export async function thisProcess(): Promise<string> {
  return `${process.pid}-${(await startOf(process.pid)) ?? "unknown"}`;
}

/** Whether the process that {@link thisProcess} told of has ended. */
export async function isDead(owner: string): Promise<boolean> {
  const [pid = "", start = ""] = owner.split("-");
  // Of a process of another machine nothing is known here.
  const isOfThisKind = start !== "unknown" && (await startOf(process.pid)) !== undefined;
  return isOfThisKind && (await startOf(Number(pid))) !== start;
}

/** When the machine and then the process began, where /proc tells; undefined without such a process. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    ]);
    // The command's name may have blanks: fields are counted behind it. The 22nd is the start.
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return `${ticks}.${boot.slice(0, 8)}`;
  } catch {
    return undefined;
  }
}
