import { readFile } from "node:fs/promises";

/**
 * Resident memory of a process in MB: now, at the most, and of it what is the process's own now, without the program's
 * file, which the system shares and can drop.
 */
export async function residentMb(pid: number): Promise<{ now: number; peak: number; own: number }> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const mb = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  return { now: mb("VmRSS"), peak: mb("VmHWM"), own: mb("RssAnon") };
}

/** Processor time that a process has used so far, in seconds. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // After the name in brackets: user and system time are the 12th and 13th, in hundredths.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
