import type { Readable } from "node:stream";
import type { StreamStatus } from "../remote-command/status.ts";
import type { ExecSession, ExecSessionOptions } from "../session.ts";
import type { SpdyConnection } from "../spdy/connection.ts";
import { connectSpdy } from "./connect.ts";

/**
 * Connects to the URL that a CRI runtime has answered to Exec or Attach, with the streams that the call asked for.
 * Rejects when the runtime's server refuses.
 */
export async function connectExec(url: string, options: ExecSessionOptions): Promise<ExecSession> {
  const connection = await connectSpdy(url, "v4.channel.k8s.io");
  try {
    return await openStreams(connection, options);
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function openStreams(
  connection: SpdyConnection,
  { stdin, stdout, stderr, tty }: ExecSessionOptions,
): Promise<ExecSession> {
  const open = (streamtype: string) => connection.open({ streamtype });
  const wanted = (asked: boolean, type: string) => (asked ? open(type) : undefined);
  const [errors, input, output, errorOutput, sizes] = await Promise.all([
    open("error"),
    wanted(stdin, "stdin"),
    wanted(stdout, "stdout"),
    wanted(stderr && !tty, "stderr"),
    wanted(tty, "resize"),
  ]);
  // Each is used one way.
  errors.end();
  output?.end();
  errorOutput?.end();
  input?.resume();
  sizes?.resume();
  const exit = readStatus(errors).then(async (status) => {
    await Promise.all([ended(output), ended(errorOutput)]);
    return status;
  });
  exit.catch(() => {}).finally(() => connection.close());
  return {
    stdin: input,
    stdout: output,
    stderr: errorOutput,
    resize: ({ width, height }) => {
      if (sizes?.writable) sizes.write(JSON.stringify({ Width: width, Height: height }));
    },
    exit,
    close: () => connection.close(),
  };
}

function ended(stream: Readable | undefined): Promise<void> {
  if (stream === undefined || stream.readableEnded || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => stream.once("end", resolve).once("close", resolve));
}

/** More than any runtime says of a failure. */
const maxStatusChars = 64 * 1024;
/** What servers put before the runtime's own words. */
const wrapping = /^Internal error occurred: error (?:executing command in|attaching to) container: /;

/** What the server says at the end; nothing at all when it went away before. */
async function readStatus(errors: Readable): Promise<{ exitCode: number }> {
  let text = "";
  for await (const chunk of errors) {
    text += String(chunk);
    if (text.length > maxStatusChars) break;
  }
  if (text === "") throw new Error("the runtime ended the connection");
  let status: StreamStatus;
  try {
    status = JSON.parse(text);
  } catch {
    throw new Error(text);
  }
  if (status.status === "Success") return { exitCode: 0 };
  const code =
    status.reason === "NonZeroExitCode" && status.details?.causes.find(({ reason }) => reason === "ExitCode");
  if (code) return { exitCode: Number(code.message) };
  throw new Error((status.message ?? text).replace(wrapping, ""));
}
