/** The server's side of exec and attach (k8s.io/kubelet/pkg/cri/streaming/remotecommand). */
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ExecSession, ExecSessionOptions } from "../session.ts";
import {
  defaultIdleMs,
  guardConnection,
  isWebSocketRequest,
  refuseUpgrade,
  StreamRefusal,
  type Upgrade,
} from "../upgrade.ts";
import type { ClientStreams } from "./client-streams.ts";
import { spdyClientStreams } from "./spdy-streams.ts";
import { exited, internalError, type StreamStatus, succeeded } from "./status.ts";
import { offersV5, webSocketClientStreams } from "./websocket-streams.ts";

export interface RemoteCommandOptions extends ExecSessionOptions {
  /** What a failure to run is called: "executing command in" or "attaching to" a container. */
  doing: "executing command in" | "attaching to";
  /** For the text of a failure; undefined for attach. */
  command?: readonly string[] | undefined;
  /** Nothing may go over the connection for so long. Default 4 h. */
  idleMs?: number;
}

/**
 * Serves an upgrade request as exec or attach until the process or the client ends. Does not reject.
 *
 * @param open starts the session. Throws a StreamRefusal when there is nothing to run it in: the request is then
 * answered with it instead of an upgrade, or on the error stream where the client speaks v5, as upstream does; any other
 * error is told on the error stream.
 */
export async function serveRemoteCommand(
  upgrade: Upgrade,
  options: RemoteCommandOptions,
  open: () => Promise<ExecSession>,
): Promise<void> {
  const { socket } = upgrade;
  socket.on("error", () => socket.destroy());
  guardConnection(socket, options.idleMs ?? defaultIdleMs);
  const v5 = isWebSocketRequest(upgrade.request.headers) && offersV5(upgrade);
  const opening = open().then(
    (session) => ({ session, error: undefined }),
    (error: unknown) => ({ session: undefined, error: error as Error }),
  );
  if (!v5) {
    const { error } = await opening;
    if (error instanceof StreamRefusal) {
      refuseUpgrade(socket, error.status, error.message);
      return;
    }
  }
  const connect = isWebSocketRequest(upgrade.request.headers) ? webSocketClientStreams : spdyClientStreams;
  const [client, { session, error }] = await Promise.all([connect(upgrade, options).catch(() => undefined), opening]);
  if (client === undefined) {
    session?.close();
    return;
  }
  if (session === undefined) {
    await client.sendStatus(openingFailure(error, options.doing, v5));
    client.close();
    return;
  }
  await run(client, session, options, v5);
}

function openingFailure(error: Error, doing: string, v5: boolean): StreamStatus {
  // What kube-apiserver's own client says of a kubelet's refusal.
  if (error instanceof StreamRefusal) return internalError(`unable to upgrade connection: ${error.message}`);
  return failure(error, doing, v5);
}

/** Clients of v5 get a kubelet's status by way of kube-apiserver, which makes a failure of its own of it. */
function failure(error: Error, doing: string, v5: boolean): StreamStatus {
  const status = internalError(`error ${doing} container: ${error.message}`);
  return v5 ? internalError(status.message ?? "") : status;
}

async function run(
  client: ClientStreams,
  session: ExecSession,
  options: RemoteCommandOptions,
  v5: boolean,
): Promise<void> {
  const { doing, command } = options;
  if (client.resizes !== undefined) readSizes(client.resizes, (size) => session.resize(size));
  if (client.stdin !== undefined && session.stdin !== undefined) feed(client.stdin, session.stdin);
  const outputs = [copy(session.stdout, client.stdout), copy(session.stderr, client.stderr)];
  // A session may fail before anybody waits for it.
  session.exit.catch(() => {});
  const finished = Promise.all([session.exit, ...outputs]).then(
    ([{ exitCode }]) => {
      if (exitCode === 0) return succeeded;
      const cause = v5
        ? `command terminated with exit code ${exitCode}`
        : `error executing command [${(command ?? []).join(" ")}], exit code ${exitCode}`;
      return exited(exitCode, cause);
    },
    (error: Error) => failure(error, doing, v5),
  );
  const status = await Promise.race([finished, client.closed]);
  if (status !== undefined) await Promise.race([client.sendStatus(status), client.closed]);
  session.close();
  client.close();
}

/** The process may end, or close its input, before the client does. */
function feed(from: Readable, to: Writable): void {
  to.on("error", () => {});
  pipeline(from, to).catch(() => {
    from.on("error", () => {});
    from.resume();
  });
}

/** A client that is gone is no failure of the command. What was not asked for is read and dropped. */
async function copy(from: Readable | undefined, to: Writable | undefined): Promise<void> {
  if (from === undefined) {
    to?.end();
    return;
  }
  from.on("error", () => {});
  if (to === undefined) {
    from.resume();
    return;
  }
  to.on("error", () => {});
  await pipeline(from, to).catch(() => {});
}

/** JSON objects without anything between them, which may come in pieces. */
function readSizes(from: Readable, resize: ExecSession["resize"]): void {
  let text = "";
  from.on("error", () => {});
  from.on("data", (chunk: Buffer) => {
    text += chunk.toString("utf8");
    for (let end = text.indexOf("}"); end >= 0; end = text.indexOf("}")) {
      const size = sizeOf(text.slice(0, end + 1));
      text = text.slice(end + 1);
      if (size !== undefined) resize(size);
    }
    if (text.length > maxSizeText) text = "";
  });
}

const maxSizeText = 1024;

function sizeOf(text: string): { width: number; height: number } | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    const valid = (value: unknown): value is number =>
      Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
    return valid(Width) && valid(Height) ? { width: Width, height: Height } : undefined;
  } catch {
    return undefined;
  }
}
