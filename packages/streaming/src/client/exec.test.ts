import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { serveRemoteCommand } from "../remote-command/serve.ts";
import { type StreamServer, startCommandServer, startStreamServer } from "../testing/stream-server.ts";
import { StreamRefusal } from "../upgrade.ts";
import { connectExec } from "./exec.ts";

// Both ends of SPDY are ours here; upstream's ends are in conformance/streams.
let server: StreamServer | undefined;
afterEach(() => server?.close());

const all = { stdin: true, stdout: true, stderr: true, tty: false };
const script = (words: string): string[] => ["sh", "-c", words];

describe("exec over SPDY", () => {
  it("carries input, both outputs and the exit code", async () => {
    server = await startCommandServer(script("cat; echo err >&2; exit 4"));
    const session = await connectExec(server.url, all);
    session.stdin?.end("hello");
    const outputs = [text(session.stdout as never), text(session.stderr as never)];
    expect(await Promise.all(outputs)).toEqual(["hello", "err\n"]);
    expect(await session.exit).toEqual({ exitCode: 4 });
  });

  it("carries megabytes both ways", async () => {
    server = await startCommandServer(["cat"]);
    const session = await connectExec(server.url, all);
    const bytes = 20 * 1024 * 1024;
    session.stdin?.end(Buffer.alloc(bytes, "x"));
    session.stderr?.resume();
    let received = 0;
    for await (const chunk of session.stdout as AsyncIterable<Buffer>) received += chunk.length;
    expect(received).toBe(bytes);
    expect(await session.exit).toEqual({ exitCode: 0 });
  });

  it("passes sizes of the terminal on", async () => {
    const sizes: object[][] = [];
    server = await startCommandServer(["cat"], { tty: true, stderr: false }, (session) => sizes.push(session.sizes));
    const session = await connectExec(server.url, { ...all, stderr: false, tty: true });
    session.resize({ width: 120, height: 40 });
    session.stdin?.write("x");
    await new Promise((resolve) => session.stdout?.once("data", resolve));
    expect(sizes[0]).toEqual([{ width: 120, height: 40 }]);
    session.close();
  });

  it("a refusal and a failure to run reject with the server's text", async () => {
    const fail = (error: Error) =>
      startStreamServer((upgrade) => {
        void serveRemoteCommand(upgrade, { ...all, doing: "executing command in" }, () => Promise.reject(error));
      });
    server = await fail(new StreamRefusal(404, "no such container"));
    await expect(connectExec(server.url, all)).rejects.toThrow("unable to upgrade connection: no such container");
    await server.close();
    server = await fail(new Error("no such program"));
    const session = await connectExec(server.url, all);
    await expect(session.exit).rejects.toThrow(/^no such program$/);
  });

  it("a server that goes away is a failure, not an exit", async () => {
    server = await startCommandServer(["cat"]);
    const session = await connectExec(server.url, all);
    for (const socket of server.sockets) socket.destroy();
    await expect(session.exit).rejects.toThrow("the runtime ended the connection");
  });

  it("leaving kills what runs", async () => {
    const ended: Promise<void>[] = [];
    server = await startCommandServer(["yes"], {}, (session) => ended.push(session.ended));
    const session = await connectExec(server.url, all);
    session.close();
    await ended[0];
  });

  it("one stream that nobody reads does not hold up the other", async () => {
    server = await startCommandServer(script("head -c 4000000 /dev/zero 2>/dev/null & echo done >&2; exec 2>&-; wait"));
    const session = await connectExec(server.url, all);
    expect(await text(session.stderr as never)).toBe("done\n");
    session.stdout?.resume();
    expect(await session.exit).toEqual({ exitCode: 0 });
  });
});
