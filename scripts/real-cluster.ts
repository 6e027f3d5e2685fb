import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A real control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler on loopback. No nodes. */
export interface RealCluster {
  kubeconfig: string;
  /** Process ids by name. */
  pids: Record<string, number>;
  /** Kills one of its programs and starts it again; resolves when the API server is ready. */
  restart(name: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts one from the binaries in a folder laid out as envtest's KUBEBUILDER_ASSETS, in a temporary folder and on free
 * ports of its own. Resolves when it is ready; throws with the end of the API server's log when it does not get so.
 */
export async function startRealCluster(assets: string, options: { controllers?: boolean } = {}): Promise<RealCluster> {
  const folder = await mkdtemp(join(tmpdir(), "podwright-real-"));
  const children = new Map<string, ChildProcess>();
  const commands = new Map<string, string[]>();
  const start = (name: string, args: string[]) => {
    commands.set(name, args);
    const log = createWriteStream(join(folder, `${name}.log`), { flags: "a" });
    const child = spawn(join(assets, name), args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout?.pipe(log);
    child.stderr?.pipe(log);
    children.set(name, child);
  };
  const stop = async () => {
    // The API server before its storage.
    for (const [, child] of [...children].reverse()) await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [port, client, peer, controllers, scheduler] = await freePorts(5);
    const token = randomBytes(16).toString("hex");
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    await writeFile(join(folder, "sa.key"), privateKey.export({ type: "pkcs1", format: "pem" }), { mode: 0o600 });
    await writeFile(join(folder, "tokens.csv"), `${token},admin,admin,system:masters\n`, { mode: 0o600 });
    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, kubeconfigText(`https://127.0.0.1:${port}`, token), { mode: 0o600 });

    const etcd = `http://127.0.0.1:${client}`;
    const etcdPeer = `http://127.0.0.1:${peer}`;
    start("etcd", [
      `--data-dir=${join(folder, "etcd")}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${etcdPeer}`,
      `--initial-advertise-peer-urls=${etcdPeer}`,
      `--initial-cluster=default=${etcdPeer}`,
      "--log-level=error",
    ]);
    start("kube-apiserver", [
      `--etcd-servers=${etcd}`,
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--cert-dir=${join(folder, "certs")}`,
      "--service-account-key-file=sa.key",
      "--service-account-signing-key-file=sa.key",
      "--service-account-issuer=https://kubernetes.default.svc",
      "--service-cluster-ip-range=10.96.0.0/16",
      "--token-auth-file=tokens.csv",
      "--authorization-mode=RBAC",
      "--allow-privileged=true",
      "--endpoint-reconciler-type=none",
    ]);
    await ready(port as number, folder, children);
    if (options.controllers !== false) {
      const common = ["--kubeconfig=kubeconfig", "--leader-elect=false", "--bind-address=127.0.0.1"];
      const auth = ["--authentication-kubeconfig=kubeconfig", "--authorization-kubeconfig=kubeconfig"];
      start("kube-controller-manager", [
        ...common,
        ...auth,
        `--secure-port=${controllers}`,
        "--service-account-private-key-file=sa.key",
        `--root-ca-file=${join(folder, "certs", "apiserver.crt")}`,
        "--controllers=*,-node-ipam-controller,-node-route-controller",
      ]);
      start("kube-scheduler", [...common, ...auth, `--secure-port=${scheduler}`]);
    }
    const pids = Object.fromEntries([...children].map(([name, child]) => [name, child.pid as number]));
    const restart = async (name: string) => {
      const child = children.get(name) as ChildProcess;
      await end(child, "SIGKILL");
      start(name, commands.get(name) as string[]);
      await ready(port as number, folder, children);
    };
    return { kubeconfig, pids, restart, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function kubeconfigText(server: string, token: string): string {
  return `apiVersion: v1
kind: Config
clusters: [{name: real, cluster: {server: "${server}", insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: ${token}}}]
contexts: [{name: real, context: {cluster: real, user: admin}}]
current-context: real
`;
}

/** Asks /readyz until it says ok: kube-apiserver has no event for it. */
async function ready(port: number, folder: string, children: Map<string, ChildProcess>): Promise<void> {
  const { get } = await import("node:https");
  const asks = () =>
    new Promise<boolean>((resolve) => {
      const request = get({ port, host: "127.0.0.1", path: "/readyz", rejectUnauthorized: false }, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode === 200));
      });
      request.on("error", () => resolve(false));
    });
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline && children.get("kube-apiserver")?.exitCode === null) {
    if (await asks()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const log = await readFile(join(folder, "kube-apiserver.log"), "utf8");
  throw new Error(`kube-apiserver did not get ready:\n${log.split("\n").slice(-15).join("\n")}`);
}

async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await ended;
  clearTimeout(timer);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
