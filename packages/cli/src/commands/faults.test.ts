import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const main = fileURLToPath(new URL("../../bin/main.mjs", import.meta.url));
/** Node.js; where this is root, without root's right to write everywhere. */
const [program, ...programArgs] =
  process.getuid?.() === 0
    ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", process.execPath]
    : [process.execPath];

let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "podwright-faults-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await rm(folder, { recursive: true, force: true });
});

function podwright(...args: string[]) {
  const { KUBECONFIG: _, KUBERNETES_SERVICE_HOST: __, ...env } = process.env;
  const child = spawn(program as string, [...programArgs, main, ...args], {
    cwd: folder,
    env: { ...env, HOME: folder, NODE_DISABLE_COMPILE_CACHE: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  const exit = new Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal, ...output })),
  );
  return { child, exit };
}

async function ready(...args: string[]) {
  const running = podwright("up", "--output", "json", "--port", "0", "--nodes", "0", ...args);
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: running.child.stdout }).once("line", resolve);
    running.exit.then(({ stderr }) => reject(new Error(`ended: ${stderr}`)));
  });
  return { ...running, ready: JSON.parse(line) as { kubeconfig: string; server: string } };
}

/** Exit code 1, nothing but one line on standard error. */
const refused = (line: RegExp) => ({
  code: 1,
  signal: null,
  stdout: "",
  stderr: expect.stringMatching(new RegExp(`^podwright: ${line.source}\n$`)),
});

test("podwright --version says which it is", async () => {
  expect(await podwright("--version").exit).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
});

describe("podwright up", () => {
  test("in a data directory that it may not write", async () => {
    await mkdir(join(folder, "data"), { mode: 0o500 });
    expect(await podwright("up", "--port", "0", "--data-dir", "data/below").exit).toEqual(
      refused(/.*data\/below.* cannot be written.*/),
    );
    await chmod(join(folder, "data"), 0o700);
  });

  test("with a kubeconfig that it may not write", async () => {
    await writeFile(join(folder, "file"), "");
    await mkdir(join(folder, "closed"), { mode: 0o500 });
    await mkdir(join(folder, "folder"));
    for (const path of ["file/kubeconfig", "closed/kubeconfig", "folder"]) {
      expect(await podwright("up", "--memory", "--port", "0", "--kubeconfig", path).exit, path).toEqual(
        refused(/the kubeconfig .* cannot be written \(E[A-Z]+\): name another file with --kubeconfig/),
      );
    }
    expect(await readdir(folder)).toEqual(["closed", "file", "folder"]);
  });

  test("told to stop while it starts, it ends, and starts the next time", async () => {
    for (const afterMs of [50, 300, 600, 900]) {
      const { child, exit } = podwright("up", "--port", "0", "--nodes", "0");
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      child.kill("SIGTERM");
      const { code, signal, stderr } = await exit;
      expect({ ended: code === 0 || signal === "SIGTERM", stderr }).toEqual({ ended: true, stderr: "" });
    }
    const { child, exit } = await ready();
    child.kill("SIGTERM");
    expect(await exit).toMatchObject({ code: 0, stderr: "" });
  });

  test("goes on when nobody reads what it prints, and is quiet about it", async () => {
    const { child, exit } = podwright("up", "--memory", "--port", "0", "--nodes", "1", "--example", "nanopod");
    child.stdout.once("data", () => child.stdout.destroy());
    await once(child.stdout, "close");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(child.exitCode).toBeNull();
    child.kill("SIGINT");
    expect(await exit).toMatchObject({ code: 0, stderr: "" });
  });

  test("the second Ctrl-C ends it at once, whichever signals come", async () => {
    for (const second of ["SIGINT", "SIGTERM"] as const) {
      const { child, exit } = await ready();
      child.kill("SIGINT");
      child.kill(second);
      const { code, signal, stderr } = await exit;
      // It may have been done with stopping, and the signals may change places.
      expect({ ended: code === 0 || signal === second || signal === "SIGINT", stderr }).toEqual({
        ended: true,
        stderr: "",
      });
    }
  });
});

describe("podwright operator", () => {
  const kubeconfig = (server: string) => `apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: "${server}", insecure-skip-tls-verify: true } }]
users: [{ name: u, user: { token: t } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`;

  test("without a kubeconfig", async () => {
    expect(await podwright("operator").exit).toEqual(
      refused(/no kubeconfig: there is no .*; name one with --kubeconfig or the KUBECONFIG variable/),
    );
    expect(await podwright("operator", "--kubeconfig", "none").exit).toEqual(refused(/kubeconfig none: no such file/));
  });

  test("with a kubeconfig that is none", async () => {
    await writeFile(join(folder, "k"), "- a");
    expect(await podwright("operator", "--kubeconfig", "k").exit).toEqual(refused(/kubeconfig k: not a kubeconfig/));
    await writeFile(join(folder, "k"), "{{{");
    expect(await podwright("operator", "--kubeconfig", "k").exit).toEqual(refused(/kubeconfig k: .*/));
  });

  test("with a context that is not there", async () => {
    await writeFile(join(folder, "k"), kubeconfig("https://127.0.0.1:1"));
    expect(await podwright("operator", "--kubeconfig", "k", "--context", "y").exit).toEqual(
      refused(/kubeconfig k: no context "y" \(there is: x\)/),
    );
  });

  test("of a cluster that does not answer", async () => {
    await writeFile(join(folder, "k"), kubeconfig("https://127.0.0.1:1"));
    expect(await podwright("operator", "--kubeconfig", "k").exit).toEqual(
      refused(
        /no answer from https:\/\/127\.0\.0\.1:1 \(.*ECONNREFUSED.*\): start that cluster, or name another with --kubeconfig or --context/,
      ),
    );
  });

  test("with credentials that are no good", async () => {
    const { ready: up } = await ready("--memory");
    await writeFile(join(folder, "k"), kubeconfig(up.server));
    expect(await podwright("operator", "--kubeconfig", "k").exit).toEqual(refused(/.*Unauthorized.*/));
  });

  test("with a port that another one has", async () => {
    const { ready: up } = await ready("--memory");
    const port = new URL(up.server).port;
    expect(await podwright("operator", "--kubeconfig", up.kubeconfig, "--webhook-port", port).exit).toEqual(
      refused(/port \d+ cannot be listened on \(EADDRINUSE\): choose another with --webhook-port N \(0 = any free\)/),
    );
  });
});
