import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Why this machine cannot run containers for a test, if it cannot: what is missing. */
export function missingFor(...programs: string[]): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root to start daemons of its own";
  const missing = ["busybox", ...programs].filter((name) => !isThere(name));
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
