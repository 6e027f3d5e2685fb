import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client, configMaps, HttpTransport, loadKubeconfig } from "@podwright/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const main = fileURLToPath(new URL("../../bin/main.mjs", import.meta.url));

let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "podwright-up-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) await end(child, "SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

function podwright(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  const exit = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, ...output })),
  );
  return { child, exit, output };
}

/** Starts it and waits for the JSON line that says ready. */
async function up(...args: string[]) {
  const running = podwright("up", "--output", "json", "--port", "0", ...args);
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: running.child.stdout }).once("line", resolve);
    running.exit.then(({ stderr }) => reject(new Error(`ended: ${stderr}`)));
  });
  return { ...running, ready: JSON.parse(line) as { kubeconfig: string; server: string; ready_ms: number } };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await exited;
}

async function clientOf(kubeconfig: string): Promise<Client> {
  return new Client(new HttpTransport(loadKubeconfig({ path: kubeconfig })));
}

const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data,
});

describe("podwright up", () => {
  test("says where it is in one JSON line, serves, and ends cleanly at Ctrl-C", async () => {
    const { child, exit, ready } = await up();
    expect(ready).toEqual({
      kubeconfig: join(folder, ".podwright", "kubeconfig"),
      server: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
      runtime: "simulated",
      pod_service: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      ready_ms: expect.any(Number),
    });
    expect((await stat(ready.kubeconfig)).mode & 0o777).toBe(0o600);
    const client = await clientOf(ready.kubeconfig);
    await client.resource(configMaps).create(configMap("c", { a: "1" }));
    await client.close();
    child.kill("SIGINT");
    expect(await exit).toMatchObject({ code: 0, stderr: "" });
  });

  test("finds again what it kept", async () => {
    const first = await up("--nodes", "0");
    const client = await clientOf(first.ready.kubeconfig);
    const made = await client.resource(configMaps).create(configMap("kept", { a: "1" }));
    await client.close();
    await end(first.child, "SIGTERM");

    const second = await up("--nodes", "0");
    const again = await clientOf(second.ready.kubeconfig);
    expect(await again.resource(configMaps).get("kept", "default")).toEqual(made);
    await again.close();
  });

  test("applies the NanoPod example and shows what it added and overwrote", async () => {
    const { child, exit, output } = podwright(
      "up",
      "--memory",
      "--port",
      "0",
      "--kubeconfig",
      "k",
      "--example",
      "nanopod",
    );
    await new Promise<void>((resolve, reject) => {
      child.stdout.on("data", () => output.stdout.includes("Ctrl-C stops it") && resolve());
      exit.then(({ stderr }) => reject(new Error(`ended: ${stderr}`)));
    });
    expect(output.stdout).toContain("  deployment.apps/mysql created\n");
    expect(output.stdout).toContain(`        env:
          - name: MYSQL_ALLOW_EMPTY_PASSWORD  # added
            value: "true"
          - name: MYSQL_DATABASE
            value: mydb02  # overwritten, was mydb01
        resources:  # added
          limits:
            cpu: 500m
            memory: 512Mi
`);
    expect(output.stdout).toContain("kubectl --kubeconfig k get pods -n nano-pod-test -o wide");
    child.kill("SIGINT");
    expect((await exit).code).toBe(0);
  });
});

describe("podwright up, called or placed wrongly, says in one line what to do", () => {
  const oneLine = (text: RegExp) => expect.stringMatching(new RegExp(`^${text.source}\\n$`));

  test("an unknown flag", async () => {
    expect(await podwright("up", "--prot", "1").exit).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: unknown option '--prot'/),
    });
  });

  test.each([
    [["--port", "x"], /podwright: --port x: give a whole number from 0 to 65535/],
    [["--nodes", "-1"], /podwright: --nodes -1: give a whole number from 0 to 1000/],
    [["--example", "nope"], /podwright: --example nope: there is nanopod/],
    [
      ["--without", "nope"],
      /podwright: --without nope: there is no such part; there is nanopod, pack, reflector, redeploy, fresh, pod-service/,
    ],
    [["--runtime", "podman"], /podwright: --runtime podman: there is simulated, docker, containerd, auto/],
    [["--pod-cidr", "10"], /podwright: --pod-cidr 10: give a range as 10.200.0.0\/22/],
  ])("%j", async (args, text) => {
    expect(await podwright("up", ...args).exit).toEqual({ code: 2, stdout: "", stderr: oneLine(text) });
  });

  test("a port in use", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    expect(await podwright("up", "--port", String(port)).exit).toEqual({
      code: 1,
      stdout: "",
      stderr: `podwright: port ${port} is in use: choose another with --port N (0 = any free)\n`,
    });
    await new Promise((resolve) => server.close(resolve));
  });

  test("a data directory that is no directory", async () => {
    await writeFile(join(folder, "file"), "");
    expect(await podwright("up", "--port", "0", "--data-dir", "file").exit).toMatchObject({
      code: 1,
      stderr: oneLine(/podwright: .*file.*/),
    });
  });

  test("a data directory that another one has", async () => {
    await up();
    expect(await podwright("up", "--port", "0").exit).toMatchObject({
      code: 1,
      stderr: oneLine(/podwright: .*\.podwright.*(in use|another).*/),
    });
  });

  test("a data directory whose data is damaged, which it leaves as it is", async () => {
    const first = await up("--nodes", "0");
    await end(first.child, "SIGTERM");
    const { readdir } = await import("node:fs/promises");
    const data = (await readdir(join(folder, ".podwright"), { recursive: true })).filter((name) =>
      name.endsWith("data.mdb"),
    );
    expect(data).toHaveLength(1);
    const path = join(folder, ".podwright", data[0] as string);
    const garbage = Buffer.alloc(64 * 1024, "garbage");
    await writeFile(path, garbage);
    const { code, stderr } = await podwright("up", "--port", "0").exit;
    expect({ code, stderr }).toEqual({ code: 1, stderr: oneLine(/podwright: .*\.podwright.*/) });
    expect(await readFile(path)).toEqual(garbage);
  });

  test("a data directory that cannot be made", async () => {
    await mkdir(join(folder, "x"));
    await writeFile(join(folder, "x", "y"), "");
    expect(await podwright("up", "--port", "0", "--data-dir", "x/y/z").exit).toMatchObject({
      code: 1,
      stderr: oneLine(/podwright: .*/),
    });
  });
});
