import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Why this machine cannot start daemons of a test's own, if it cannot: what is missing. */
export function daemonsMissing(...programs: string[]): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root to start daemons of its own";
  return programsMissing(...programs);
}

/** Which of the programs this machine does not have, if any. */
export function programsMissing(...programs: string[]): string | undefined {
  const missing = programs.filter((name) => !isThere(name));
  return missing.length === 0 ? undefined : `needs ${missing.join(", ")}`;
}

function isThere(program: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin", "/bin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
