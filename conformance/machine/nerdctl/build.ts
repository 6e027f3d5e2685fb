// Builds nerdctl, buildkitd and buildctl by Go, once, for tests. Prints their folder.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync } from "node:fs";
import { join } from "node:path";
import { buildkitVersion, nerdctlFolder } from "./programs.ts";

if (!existsSync(nerdctlFolder)) {
  mkdirSync(join(nerdctlFolder, ".."), { recursive: true });
  const folder = mkdtempSync(`${nerdctlFolder}-`);
  const go = (cwd: string, ...args: string[]) => {
    const env = { ...process.env, GOBIN: folder, CGO_ENABLED: "0" };
    execFileSync("go", args, { cwd, env, stdio: ["ignore", process.stderr, process.stderr] });
  };
  const flags = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w"];
  // Of a module of its own: `go install nerdctl@version` asks for more than the Go proxy has.
  go(import.meta.dirname, "install", "-mod=readonly", ...flags, "tool");
  const commands = ["buildkitd", "buildctl"].map((name) => `github.com/moby/buildkit/cmd/${name}@${buildkitVersion}`);
  go(folder, "install", ...flags, ...commands);
  renameSync(folder, nerdctlFolder);
}
console.log(nerdctlFolder);
