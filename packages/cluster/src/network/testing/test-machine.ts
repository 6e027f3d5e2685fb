/**
 * A machine of its own for tests of the kernel's part: a network namespace with a bridge, pods (namespaces on the
 * bridge), and a neighbour on another link. Needs root.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ResourceRef } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { childProcessCommands } from "../host-commands.ts";

const root = childProcessCommands();

/** What these tests need; undefined when all is there. */
export async function whatIsMissing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "needs root";
  const name = `pwt-${process.pid}-probe`;
  try {
    await root.run(["ip", "netns", "add", name]);
    await root.run(["ip", "netns", "exec", name, "iptables-save"]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await root.run(["ip", "netns", "del", name]).catch(() => undefined);
  }
}

export class TestMachine {
  readonly #id: string;
  readonly #children: ChildProcess[] = [];
  readonly #namespaces: string[] = [];
  #next = 10;
  #program: { child: ChildProcess; lines: AsyncIterableIterator<string>; reader: Interface } | undefined;
  readonly gateway = "10.102.0.1";
  readonly cidr = "10.102.0.0/24";
  /** Of the machine, as the neighbour sees it. */
  readonly address = "10.102.9.1";
  log = "";

  private constructor(id: string) {
    this.#id = id;
  }

  static async start(name: string): Promise<TestMachine> {
    const machine = new TestMachine(`pwt-${process.pid}-${name}`);
    await machine.#addNamespace("");
    await machine.run("", "ip", "link", "add", "pods0", "type", "bridge");
    await machine.run("", "ip", "addr", "add", `${machine.gateway}/24`, "dev", "pods0");
    await machine.run("", "ip", "link", "set", "pods0", "up");
    await machine.run("", "sysctl", "-qw", "net.ipv4.ip_forward=1");
    // As docker has it.
    await machine.run("", "iptables", "-P", "FORWARD", "DROP");
    await machine.run("", "iptables", "-A", "FORWARD", "-i", "pods0", "!", "-o", "pods0", "-j", "ACCEPT");
    await machine.run(
      "",
      "iptables",
      "-A",
      "FORWARD",
      "-o",
      "pods0",
      "-m",
      "conntrack",
      "--ctstate",
      "ESTABLISHED",
      "-j",
      "ACCEPT",
    );
    await machine.#addNamespace("lan");
    await machine.#link("lan", "lan0", "10.102.9.2/24", "10.102.9.1");
    await machine.run("", "ip", "addr", "add", "10.102.9.1/24", "dev", "lan0");
    return machine;
  }

  /** The machine itself (""), a pod, or "lan". */
  namespace(name: string): string {
    return name === "" ? this.#id : `${this.#id}-${name}`;
  }

  /** Runs a program there; resolves with what it has written. */
  async run(where: string, ...command: string[]): Promise<string> {
    return (await root.run(["ip", "netns", "exec", this.namespace(where), ...command])).stdout;
  }

  /** A pod on the bridge; gives its address. */
  async addPod(name: string): Promise<string> {
    await this.#addNamespace(name);
    const ip = `10.102.0.${this.#next++}`;
    await this.#link(name, `v${this.#next}`, `${ip}/24`, this.gateway);
    await this.run("", "ip", "link", "set", `v${this.#next}`, "master", "pods0");
    return ip;
  }

  /** Serves TCP and UDP on a port: answers with the name of the place and the address that asked. */
  async serve(where: string, port: number): Promise<void> {
    const script = `
      const say = (address) => ${JSON.stringify(where)} + " " + address.replace("::ffff:", "");
      require("node:net").createServer((s) => s.on("error", () => {}).end(say(s.remoteAddress))).listen(${port}, "0.0.0.0", () => console.log("up"));
      const u = require("node:dgram").createSocket("udp4");
      u.on("message", (_m, from) => u.send(say(from.address), from.port, from.address)).bind(${port});`;
    const child = this.#spawn(where, [process.execPath, "-e", script]);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
  }

  /** "NAME ADDRESS" of who answers; "refused", or "silent" after a second. */
  async ask(where: string, protocol: "tcp" | "udp", address: string, port: number): Promise<string> {
    const script =
      protocol === "tcp"
        ? `const s = require("node:net").connect(${port}, "${address}"); let text = "";
           s.on("data", (d) => { text += d; }).on("end", () => { console.log(text); process.exit(); });
           s.on("error", (e) => { console.log(e.code === "ECONNREFUSED" ? "refused" : e.code); process.exit(); });`
        : `const u = require("node:dgram").createSocket("udp4"); u.bind(${clientPort(where)}, () => u.connect(${port}, "${address}", () => u.send("x")));
           u.on("message", (m) => { console.log(m.toString()); process.exit(); });
           u.on("error", (e) => { console.log(e.code === "ECONNREFUSED" ? "refused" : e.code); process.exit(); });`;
    const out = await this.run(
      where,
      process.execPath,
      "-e",
      `${script} setTimeout(() => { console.log("silent"); process.exit(); }, 1000);`,
    );
    return out.trim();
  }

  /** Starts the cluster there, with its service network. */
  async startNetwork(options: object = {}): Promise<{ clusterDns: string[] }> {
    const file = fileURLToPath(new URL("./network-program.ts", import.meta.url));
    const facts = { clusterId: "a test's", gateway: this.gateway, cidr: this.cidr, ...options };
    const child = this.#spawn("", [process.execPath, file, JSON.stringify(facts)]);
    child.stderr?.on("data", (chunk: Buffer) => {
      this.log += chunk.toString();
    });
    const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    this.#program = { child, reader, lines: reader[Symbol.asyncIterator]() as AsyncIterableIterator<string> };
    return JSON.parse(await this.#line());
  }

  /** Calls the cluster's client, e.g. ("create", services, object). */
  async call(call: string, ref?: ResourceRef, ...args: unknown[]): Promise<KubeObject> {
    this.#program?.child.stdin?.write(`${JSON.stringify({ call, ref, args })}\n`);
    const { value, error } = JSON.parse(await this.#line());
    if (error !== undefined) throw new Error(error);
    return value;
  }

  /** Ends the cluster in order, or by force. */
  async stopNetwork(force = false): Promise<void> {
    const child = this.#program?.child;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (force) child.kill("SIGKILL");
    else child.stdin?.end();
    await ended;
    this.#program = undefined;
  }

  async stop(): Promise<void> {
    await this.stopNetwork();
    for (const child of this.#children) child.kill("SIGKILL");
    for (const namespace of this.#namespaces.reverse()) {
      await root.run(["ip", "netns", "del", namespace]).catch(() => undefined);
    }
  }

  async #line(): Promise<string> {
    const next = await this.#program?.lines.next();
    if (next === undefined || next.done) throw new Error(`the cluster has ended: ${this.log}`);
    return next.value;
  }

  #spawn(where: string, command: readonly string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", this.namespace(where), ...command], { stdio: "pipe" });
    this.#children.push(child);
    return child;
  }

  async #addNamespace(name: string): Promise<void> {
    await root.run(["ip", "netns", "add", this.namespace(name)]);
    this.#namespaces.push(this.namespace(name));
    await this.run(name, "ip", "link", "set", "lo", "up");
  }

  /** A cable from the machine to a namespace, where its end is "eth0". */
  async #link(name: string, device: string, address: string, router: string): Promise<void> {
    const there = this.namespace(name);
    await this.run("", "ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", there);
    await this.run("", "ip", "link", "set", device, "up");
    await this.run(name, "ip", "addr", "add", address, "dev", "eth0");
    await this.run(name, "ip", "link", "set", "eth0", "up");
    await this.run(name, "ip", "route", "add", "default", "via", router);
  }
}

/** The same for all datagrams of one place: flows that the kernel remembers show. */
function clientPort(where: string): number {
  return 40_000 + (where.length % 100);
}
