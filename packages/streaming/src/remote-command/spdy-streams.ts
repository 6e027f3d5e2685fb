import type { ExecSessionOptions } from "../session.ts";
import { acceptSpdy } from "../spdy/accept.ts";
import { SpdyConnection } from "../spdy/connection.ts";
import type { SpdyStream } from "../spdy/stream.ts";
import type { Upgrade } from "../upgrade.ts";
import { type ClientStreams, statusText } from "./client-streams.ts";

const protocols = ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"];
/** Clients open their streams by then (DefaultStreamCreationTimeout). */
const creationMs = 30_000;

/** Answers with SPDY and waits for the client's streams. Undefined when it refused, or they did not come. */
export async function spdyClientStreams(
  upgrade: Upgrade,
  { stdin, stdout, stderr, tty }: ExecSessionOptions,
): Promise<ClientStreams | undefined> {
  const protocol = acceptSpdy(upgrade, protocols);
  if (protocol === undefined) return undefined;
  const resizable = tty && (protocol.startsWith("v4") || protocol.startsWith("v3"));
  const wanted = new Set(["error"]);
  if (stdin) wanted.add("stdin");
  if (stdout) wanted.add("stdout");
  if (stderr) wanted.add("stderr");
  if (resizable) wanted.add("resize");
  const streams = new Map<string, SpdyStream>();
  const complete = Promise.withResolvers<boolean>();
  const connection = new SpdyConnection(upgrade.socket, {
    side: "server",
    head: upgrade.head,
    onStream(stream) {
      const type = stream.headers["streamtype"] ?? "";
      // Upstream takes what it did not ask for as well, and leaves it alone.
      if (!streams.has(type)) streams.set(type, stream);
      if ([...wanted].every((each) => streams.has(each))) complete.resolve(true);
      return true;
    },
  });
  const timer = setTimeout(() => complete.resolve(false), creationMs);
  void connection.closed.then(() => complete.resolve(false));
  const came = await complete.promise;
  clearTimeout(timer);
  if (!came) {
    connection.close();
    return undefined;
  }
  const wantedStream = (type: string): SpdyStream | undefined => (wanted.has(type) ? streams.get(type) : undefined);
  const errors = streams.get("error") as SpdyStream;
  return {
    stdin: wantedStream("stdin"),
    stdout: wantedStream("stdout"),
    stderr: wantedStream("stderr"),
    resizes: wantedStream("resize"),
    sendStatus: (status) =>
      new Promise((resolve) => {
        errors.end(statusText(status, protocol === "v4.channel.k8s.io"), () => resolve());
        errors.once("close", () => resolve());
      }),
    close: () => connection.close(),
    closed: connection.closed,
  };
}
