import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { type Duplex, PassThrough, type Readable } from "node:stream";
import { StatusError } from "@podwright/kube";
import type { ExecSession } from "@podwright/streaming";
import type { ContainerRequest, NodeConnection } from "../subresources/node-connection.ts";

/** A node whose containers are this machine: commands are processes, ports those of the loopback address. */
export interface ProcessNodes extends NodeConnection {
  /** Sizes that terminals were given, in their order. */
  readonly sizes: { width: number; height: number }[];
  /** How many processes live. */
  readonly running: () => number;
}

/** @param main what attach finds in a container: the words of a command */
export function processNodes(main: readonly string[] = ["cat"]): ProcessNodes {
  const children = new Set<ChildProcess>();
  const sizes: ProcessNodes["sizes"] = [];

  async function start(request: ContainerRequest, command: readonly string[]): Promise<ExecSession> {
    if (request.container === "stopped") throw notRunning(request);
    const [program = "", ...args] = request.tty ? terminal(command) : command;
    const child = spawn(program, args, { stdio: "pipe" });
    const spawned = Promise.withResolvers<void>();
    child.once("spawn", spawned.resolve);
    child.once("error", (error) => spawned.reject(new Error(`failed to exec in container: ${error.message}`)));
    await spawned.promise;
    children.add(child);
    const exit = new Promise<{ exitCode: number }>((resolve) => {
      child.once("close", (code, signal) => {
        children.delete(child);
        resolve({ exitCode: code ?? (signal === null ? 0 : 137) });
      });
    });
    if (!request.stdin) child.stdin.end();
    return {
      stdin: request.stdin ? child.stdin : undefined,
      stdout: kept(child.stdout, request.stdout),
      stderr: kept(child.stderr, request.stderr),
      resize: (size) => sizes.push(size),
      exit,
      close: () => child.kill("SIGKILL"),
    };
  }

  return {
    sizes,
    running: () => children.size,
    async containerLogs() {
      return { status: 200, chunks: lines() };
    },
    exec: (_node, request) => start(request, request.command),
    async attach(_node, request) {
      const session = await start(request, main);
      return { ...session, exit: session.exit.then(() => ({ exitCode: 0 })) };
    },
    dial: (_node, _namespace, _pod, port) => dial(port),
  };
}

/** Of a process that ends before anybody reads, Node throws the output away. */
function kept(from: Readable, asked: boolean): Readable | undefined {
  if (asked) return from.pipe(new PassThrough());
  from.resume();
  return undefined;
}

async function* lines(): AsyncGenerator<string> {
  yield "one\n";
  yield "two\n";
}

/** What a kubelet says of a container that does not run. */
function notRunning({ container }: ContainerRequest): StatusError {
  const message = `container not found (${JSON.stringify(container)})`;
  return new StatusError({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code: 404 });
}

/** script(1) gives a program a terminal of its own. */
function terminal(command: readonly string[]): string[] {
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return ["script", "-qfec", quoted, "/dev/null"];
}

function dial(port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}
