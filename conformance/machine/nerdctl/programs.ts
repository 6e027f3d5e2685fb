import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export const buildkitVersion = "v0.12.5";
const nerdctlVersion = "v1.7.7";

/** Where build.ts puts nerdctl, buildkitd and buildctl. Versions of containerd 1.6's time. */
export const nerdctlFolder = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "podwright-test",
  `nerdctl-${nerdctlVersion}-buildkit-${buildkitVersion}`,
);

/** Why there is no nerdctl for tests here, if so. */
export function nerdctlMissing(): string | undefined {
  return existsSync(nerdctlFolder)
    ? undefined
    : "needs nerdctl: node conformance/machine/nerdctl/build.ts builds it, with Go";
}
