import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";

/**
 * Of each connection to the socket, the first two bytes are a port. It answers "+" when it has connected to the
 * loopback address and carries bytes from then on, each way to its end; or "-" and why not. It ends when it has had
 * nothing to do for a while, or its parent is gone.
 */
const program = `const net=require("net"),fs=require("fs"),[folder,idleMs]=process.argv.slice(1);
let open=0,timer;
const end=()=>{fs.rmSync(folder,{recursive:true,force:true});process.exit()};
const idle=()=>{clearTimeout(timer);if(open===0)timer=setTimeout(end,+idleMs)};
const serve=c=>{
  const head=c.read(2);
  if(head===null){c.once("readable",()=>serve(c));return}
  const s=net.connect({host:"localhost",port:head.readUInt16BE(0),autoSelectFamily:true,allowHalfOpen:true});
  let connected=false;
  s.on("connect",()=>{connected=true;c.write("+");c.pipe(s);s.pipe(c)});
  s.on("error",e=>{if(connected)c.destroy();else c.end("-"+(e.code||e.message))});
  c.on("close",()=>s.destroy());
};
net.createServer({allowHalfOpen:true},c=>{
  open++;clearTimeout(timer);
  c.on("error",()=>{});
  c.on("close",()=>{open--;idle()});
  serve(c);
}).listen(folder+"/relay",()=>{process.stdout.write("+");idle()});
process.stdin.on("end",end).resume();`;

/** Long enough for a page's next connection, short enough for a pod that has ended. */
const idleMs = 10_000;

interface Relay {
  path: string;
  child: ChildProcess;
}

/**
 * Connections to the loopback address of pods' network namespaces: by a process in the namespace, which needs no
 * program of the containers'. It is kept for a while for the next connection. Needs root.
 */
export class LoopbackRelays {
  /** By the id of a process in the namespace. */
  readonly #relays = new Map<number, Promise<Relay>>();

  /** Throws an Error with code ECONNREFUSED when nobody listens. */
  async dial(pid: number, port: number): Promise<Duplex> {
    let relay = this.#relays.get(pid);
    if (relay === undefined) {
      relay = this.#start(pid);
      this.#relays.set(pid, relay);
      relay.catch(() => this.#relays.delete(pid));
    }
    const { path } = await relay;
    try {
      return await connectBy(path, port);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" || this.#relays.get(pid) !== relay) throw error;
      // It has just ended for want of work.
      this.#relays.delete(pid);
      return this.dial(pid, port);
    }
  }

  async #start(pid: number): Promise<Relay> {
    const folder = await mkdtemp(join(tmpdir(), "pw-relay-"));
    const args = ["-t", String(pid), "-n", "--", process.execPath, "-e", program, folder, String(idleMs)];
    const child = spawn("nsenter", args, { stdio: ["pipe", "pipe", "pipe"], env: {} });
    child.stdin.on("error", () => {});
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(0, 1024);
    });
    child.on("close", () => {
      this.#relays.delete(pid);
      void rm(folder, { recursive: true, force: true });
    });
    await new Promise<void>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", () => reject(new Error(said.trim() || "the pod's network is gone")));
      child.stdout.once("data", () => resolve());
    });
    child.unref();
    return { path: join(folder, "relay"), child };
  }

  async close(): Promise<void> {
    const relays = await Promise.allSettled(this.#relays.values());
    for (const relay of relays) if (relay.status === "fulfilled") relay.value.child.stdin?.end();
  }
}

async function connectBy(path: string, port: number): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  const head = Buffer.alloc(2);
  head.writeUInt16BE(port);
  socket.write(head);
  const answer = await new Promise<string>((resolve, reject) => {
    socket.on("error", reject);
    socket.once("end", () => reject(Object.assign(new Error("the connection broke off"), { code: "ENOENT" })));
    const read = (): void => {
      const first = socket.read(1) as Buffer | null;
      if (first === null) socket.once("readable", read);
      else resolve(first.toString());
    };
    socket.once("readable", read);
  });
  if (answer === "+") return socket;
  socket.end();
  const why = await text(socket);
  throw Object.assign(new Error(why), { code: why });
}
