/** Foreign clients on a node whose containers are processes of this machine. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { Attach, Cp, Exec, KubeConfig, PortForward, type V1Status } from "@kubernetes/client-node";
import { openProcessCluster, type ProcessCluster } from "@podwright/apiserver/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { kubectlProgram, kubectlRunner, type RunKubectl } from "../kubectl.ts";

let target: Server;
let port: number;
let cluster: ProcessCluster;
let folder: string;
beforeAll(async () => {
  target = createServer((request, response) => response.end(`hello from ${request.url}`));
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  ({ port } = target.address() as AddressInfo);
  cluster = await openProcessCluster({ port, main: ["sh", "-c", "echo attached; cat"] });
  folder = await mkdtemp(join(tmpdir(), "podwright-clients-"));
});
afterAll(async () => {
  await cluster?.close();
  target.close();
  await rm(folder, { recursive: true, force: true });
});

const exitScript = "echo out; echo err >&2; exit 3";

describe.each([
  ["WebSocket", "true"],
  ["SPDY", "false"],
])("kubectl by %s", (_wire, webSockets) => {
  const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: webSockets, KUBECTL_PORT_FORWARD_WEBSOCKETS: webSockets };
  let kubectl: RunKubectl;
  beforeAll(async () => {
    kubectl = await kubectlRunner(cluster.kubeconfig, env);
  });

  test("exec: outputs, exit code, input, megabytes", async () => {
    expect(await kubectl(["exec", "p", "-c", "c", "--", "sh", "-c", exitScript])).toEqual({
      code: 3,
      stdout: "out\n",
      stderr: "err\ncommand terminated with exit code 3\n",
    });
    expect((await kubectl(["exec", "-i", "p", "-c", "c", "--", "cat"], "hello")).stdout).toBe("hello");
    const large = "x".repeat(20 * 1024 * 1024);
    expect((await kubectl(["exec", "-i", "p", "-c", "c", "--", "wc", "-c"], large)).stdout.trim()).toBe(
      String(large.length),
    );
    expect((await kubectl(["exec", "p", "-c", "c", "--", "head", "-c", "20000000", "/dev/zero"])).stdout).toHaveLength(
      20_000_000,
    );
  });

  test("the wire is the one that was asked for", async () => {
    const { code, stderr } = await kubectl(["exec", "-v=4", "p", "-c", "c", "--", "true"]);
    expect({ code, fellBack: /fallback/i.test(stderr) }).toEqual({ code: 0, fellBack: false });
  });

  test("exec: what cannot run says why", async () => {
    expect((await kubectl(["exec", "p", "-c", "c", "--", "no-such-program"])).stderr).toContain(
      "error: Internal error occurred: error executing command in container: failed to exec in container: spawn no-such-program ENOENT\n".slice(
        7,
      ),
    );
    expect((await kubectl(["exec", "p", "-c", "stopped", "--", "true"])).stderr).toContain(
      'unable to upgrade connection: container not found ("stopped")',
    );
  });

  test("exec -it: a terminal, and its size", async () => {
    const program = await kubectlProgram();
    const inner = `${program} --kubeconfig ${cluster.kubeconfig} exec -it p -c c -- sh -c 'tty && sleep 0.3; exit 5'`;
    const before = cluster.nodes.sizes.length;
    // script(1) gives kubectl the terminal it wants.
    const child = spawn("script", ["-qfec", `stty rows 31 cols 99; ${inner}`, "/dev/null"], {
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const output = await text(child.stdout);
    expect(output).toMatch(/\/dev\/pts\/\d+/);
    expect(output).toContain("command terminated with exit code 5");
    expect(cluster.nodes.sizes.slice(before)).toContainEqual({ width: 99, height: 31 });
  });

  test("attach", async () => {
    const { code, stdout } = await kubectl(["attach", "-i", "p", "-c", "c"], "typed\n");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "attached\ntyped\n" });
  });

  test("cp there and back", async () => {
    const [from, there, back] = ["from", "there", "back"].map((name) => join(folder, `${webSockets}-${name}`));
    await writeFile(from as string, "content".repeat(100_000));
    expect(await kubectl(["cp", from as string, `p:${there}`, "-c", "c"])).toMatchObject({ code: 0 });
    expect(await kubectl(["cp", `p:${there}`, back as string, "-c", "c"])).toMatchObject({ code: 0 });
    expect(await readFile(back as string, "utf8")).toBe("content".repeat(100_000));
  });

  test("port-forward: many connections, and one that fails", async () => {
    const program = await kubectlProgram();
    const child = spawn(program, ["--kubeconfig", cluster.kubeconfig, "port-forward", "-v=4", "p", `:${port}`], {
      env: { ...process.env, ...env },
    });
    let log = "";
    child.stderr.on("data", (chunk) => {
      log += chunk;
    });
    const local = await new Promise<number>((resolve) => {
      let said = "";
      child.stdout.on("data", (chunk) => {
        said += chunk;
        const match = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(said);
        if (match !== null) resolve(Number(match[1]));
      });
    });
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_unused, index) => (await fetch(`http://127.0.0.1:${local}/${index}`)).text()),
    );
    expect(answers).toEqual(Array.from({ length: 20 }, (_unused, index) => `hello from /${index}`));
    child.kill();
    expect(log).not.toMatch(/fallback/i);

    const failing = spawn(program, ["--kubeconfig", cluster.kubeconfig, "port-forward", "p", ":1"], {
      env: { ...process.env, ...env },
    });
    failing.stdout.on("data", (chunk) => {
      const match = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(String(chunk));
      if (match !== null) connect(Number(match[1]), "127.0.0.1").on("error", () => {});
    });
    expect(await text(failing.stderr)).toContain("error forwarding port 1 to pod p, uid : ");
  });
});

test("kubectl proxy and get --raw by the proxy of a pod", async () => {
  const kubectl = await kubectlRunner(cluster.kubeconfig);
  const { stdout } = await kubectl(["get", "--raw", `/api/v1/namespaces/default/pods/p:${port}/proxy/path?q=1`]);
  expect(stdout).toBe("hello from /path?q=1");
  expect(await kubectl(["logs", "p", "-c", "c"])).toMatchObject({ stdout: "one\ntwo\n" });
});

describe("@kubernetes/client-node", () => {
  let config: KubeConfig;
  beforeAll(() => {
    config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
  });

  test("Exec", async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const status = await new Promise<V1Status>((resolve, reject) => {
      new Exec(config)
        .exec("default", "p", "c", ["sh", "-c", exitScript], stdout, stderr, null, false, resolve)
        .catch(reject);
    });
    expect(status.details?.causes).toEqual([{ reason: "ExitCode", message: "3" }]);
    expect([stdout.read().toString(), stderr.read().toString()]).toEqual(["out\n", "err\n"]);
  });

  test("Attach", async () => {
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    const socket = await new Attach(config).attach("default", "p", "c", stdout, null, stdin, false);
    stdin.write("typed\n");
    let said = "";
    for await (const chunk of stdout) {
      said += chunk;
      if (said.endsWith("typed\n")) break;
    }
    expect(said).toBe("attached\ntyped\n");
    socket.close();
  });

  test("PortForward", async () => {
    const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const socket = await new PortForward(config).portForward("default", "p", [port], output, errors, input);
    input.write("GET /forwarded HTTP/1.0\r\n\r\n");
    let said = "";
    for await (const chunk of output) {
      said += chunk;
      if (said.includes("hello from")) break;
    }
    expect(said).toContain("hello from /forwarded");
    (socket as { close(): void }).close();
  });

  test("Cp", async () => {
    const [from, to] = [join(folder, "cp-from"), join(folder, "cp-to")];
    await Promise.all([mkdir(from), mkdir(to)]);
    await writeFile(join(from, "copied"), "content");
    // It does not say when it is done.
    await new Cp(config).cpToPod("default", "p", "c", from, to);
    const read = async () => expect(await readFile(join(to, "copied"), "utf8")).toBe("content");
    await vi.waitFor(read, { timeout: 20_000 });
  });
});
