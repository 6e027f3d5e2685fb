import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { PassThrough } from "node:stream";
import { type RemoteCommandOptions, serveRemoteCommand } from "../remote-command/serve.ts";
import type { ExecSession } from "../session.ts";
import type { Upgrade } from "../upgrade.ts";

/** An HTTP server that serves every upgrade in one way. */
export interface StreamServer {
  /** "http://127.0.0.1:PORT/" */
  url: string;
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

export async function startStreamServer(serve: (upgrade: Upgrade) => void): Promise<StreamServer> {
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request, socket, head) => serve({ request, socket, head }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sockets,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A process of this machine as a session. */
function processSession(command: readonly string[]): ExecSession & { sizes: object[]; ended: Promise<void> } {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: "pipe" });
  const sizes: object[] = [];
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const exit = new Promise<{ exitCode: number }>((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`failed to exec in container: ${error.message}`)));
    child.once("close", (code) => resolve({ exitCode: code ?? 137 }));
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout.pipe(new PassThrough()),
    stderr: child.stderr.pipe(new PassThrough()),
    resize: (size) => sizes.push(size),
    exit,
    close: () => child.kill("SIGKILL"),
    sizes,
    ended,
  };
}

/** Serves a command for every upgrade. */
export function startCommandServer(
  command: readonly string[],
  options: Partial<RemoteCommandOptions> = {},
  onSession: (session: ReturnType<typeof processSession>) => void = () => {},
): Promise<StreamServer> {
  return startStreamServer((upgrade) => {
    const all = {
      stdin: true,
      stdout: true,
      stderr: true,
      tty: false,
      doing: "executing command in",
      command,
    } as const;
    void serveRemoteCommand(upgrade, { ...all, ...options }, async () => {
      const session = processSession(command);
      onSession(session);
      return session;
    });
  });
}
