import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The folder of k8s.io/api's own samples of every kind, or undefined without Go and the module in its cache. */
export function upstreamTestdata(): string | undefined {
  try {
    const modules = execFileSync("go", ["env", "GOMODCACHE"], { encoding: "utf8", stdio: "pipe" }).trim();
    const path = join(modules, "k8s.io/api@v0.35.4/testdata");
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}
