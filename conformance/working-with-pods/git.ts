import { execFile } from "node:child_process";
import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ImageDescription } from "../machine/images.ts";

const run = promisify(execFile);

/** Clones, and then pulls once a second. */
const sync = `#!/bin/sh
git config --global --add safe.directory '*'
until git clone --branch "$GIT_SYNC_BRANCH" "$GIT_SYNC_REPO" "$GIT_SYNC_DEST"; do sleep 1; done
cd "$GIT_SYNC_DEST" && while :; do git pull --ff-only --quiet; sleep 1; done
`;

/** An image with this machine's git that does what git-sync does: what stands in for k8s.gcr.io/git-sync. */
export async function gitImage(name: string): Promise<ImageDescription> {
  const files: Record<string, string | Buffer> = { "bin/git-sync": sync };
  const programs = { "bin/git": "git", "bin/git-upload-pack": "git-upload-pack" };
  for (const [path, program] of Object.entries(programs)) {
    const { stdout } = await run("which", [program]);
    const real = await realpath(stdout.trim());
    files[path] = await readFile(real);
    const libraries = await run("ldd", [real]);
    for (const [, library = ""] of libraries.stdout.matchAll(/(\/\S+) \(0x/g)) {
      files[library.slice(1)] = await readFile(library);
    }
  }
  return { name, files, command: ["git-sync"], env: ["HOME=/root"] };
}

/** A bare repository with one page. */
export async function makeRepository(path: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "podwright-git-"));
  await rm(path, { recursive: true, force: true });
  await run("git", ["init", "--quiet", "--bare", "--initial-branch=master", path]);
  await run("git", ["init", "--quiet", "--initial-branch=master", work]);
  await writeFile(join(work, "index.html"), "first version\n");
  const identity = ["-c", "user.name=podwright", "-c", "user.email=podwright@example.com"];
  await run("git", ["-C", work, "add", "index.html"]);
  await run("git", ["-C", work, ...identity, "commit", "--quiet", "-m", "first"]);
  await run("git", ["-C", work, "push", "--quiet", path, "master"]);
  await rm(work, { recursive: true });
}
