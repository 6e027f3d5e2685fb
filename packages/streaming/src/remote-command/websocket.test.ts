import { once } from "node:events";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { type StreamServer, startCommandServer, startStreamServer } from "../testing/stream-server.ts";
import { StreamRefusal } from "../upgrade.ts";
import { serveRemoteCommand } from "./serve.ts";

let server: StreamServer | undefined;
const sockets: WebSocket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await server?.close();
});

/** Everything that comes, by channel, until the connection is closed. */
async function collect(protocols: string[], begin: (socket: WebSocket) => void = () => {}) {
  const socket = new WebSocket((server as StreamServer).url.replace("http", "ws"), protocols);
  sockets.push(socket);
  const channels: Record<number, string> = {};
  const messages: Buffer[] = [];
  socket.on("message", (data: Buffer) => {
    messages.push(data);
    const channel = data[0] as number;
    channels[channel] = (channels[channel] ?? "") + data.toString("utf8", 1);
  });
  socket.once("open", () => begin(socket));
  const [code] = await once(socket, "close");
  return { channels, messages, code, protocol: socket.protocol };
}

const message = (channel: number, text: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from([channel]), Buffer.from(text)]);
const script = (text: string): string[] => ["sh", "-c", text];

describe("v5.channel.k8s.io", () => {
  it("gives each stream a channel and says how it ended", async () => {
    server = await startCommandServer(script("echo out; echo err >&2; exit 3"));
    const { channels, messages, code, protocol } = await collect(["v5.channel.k8s.io", "v4.channel.k8s.io"]);
    expect(protocol).toBe("v5.channel.k8s.io");
    expect(messages[0]).toEqual(Buffer.from([1]));
    expect(channels[1]).toBe("out\n");
    expect(channels[2]).toBe("err\n");
    expect(JSON.parse(channels[3] ?? "")).toEqual({
      metadata: {},
      status: "Failure",
      message: "command terminated with non-zero exit code: command terminated with exit code 3",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "3" }] },
    });
    expect(code).toBe(1000);
  });

  it("ends the input when the client says so", async () => {
    server = await startCommandServer(["cat"]);
    const { channels } = await collect(["v5.channel.k8s.io"], (socket) => {
      socket.send(message(0, "hello"));
      socket.send(Buffer.from([255, 0]));
    });
    expect(channels[1]).toBe("hello");
    expect(JSON.parse(channels[3] ?? "")).toEqual({ metadata: {}, status: "Success" });
  });

  it("announces itself on the lowest output there is", async () => {
    server = await startCommandServer(["true"], { stdout: false, stderr: false });
    const { messages } = await collect(["v5.channel.k8s.io"]);
    expect(messages[0]).toEqual(Buffer.from([3]));
  });

  it("passes sizes on, also in pieces, and drops what is none", async () => {
    const sizes: object[][] = [];
    server = await startCommandServer(["cat"], { tty: true, stderr: false }, (session) => sizes.push(session.sizes));
    await collect(["v5.channel.k8s.io"], (socket) => {
      socket.send(message(4, '{"Width":80,"Height":24}{"Wid'));
      socket.send(message(4, 'th":100,"Height":30}nonsense}'));
      socket.send(message(4, '{"Width":-1,"Height":30}'));
      socket.send(Buffer.from([255, 0]));
    });
    expect(sizes).toEqual([
      [
        { width: 80, height: 24 },
        { width: 100, height: 30 },
      ],
    ]);
  });

  it("tells a refusal on the error channel, as upstream's API server does", async () => {
    server = await startStreamServer((upgrade) => {
      const options = { stdin: false, stdout: true, stderr: true, tty: false, doing: "executing command in" } as const;
      void serveRemoteCommand(upgrade, options, async () => {
        throw new StreamRefusal(404, 'container not found ("c")');
      });
    });
    const { channels } = await collect(["v5.channel.k8s.io"]);
    expect(JSON.parse(channels[3] ?? "")).toMatchObject({
      reason: "InternalError",
      message: 'Internal error occurred: unable to upgrade connection: container not found ("c")',
      code: 500,
    });
  });

  it("kills what it runs when the client goes, also one that does not read", async () => {
    const ended: Promise<void>[] = [];
    server = await startCommandServer(["yes"], {}, (session) => ended.push(session.ended));
    const socket = new WebSocket(server.url.replace("http", "ws"), ["v5.channel.k8s.io"]);
    sockets.push(socket);
    await once(socket, "message");
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.terminate();
    await ended[0];
  });

  it("answers pings while a command runs", async () => {
    server = await startCommandServer(["cat"]);
    const socket = new WebSocket(server.url.replace("http", "ws"), ["v5.channel.k8s.io"]);
    sockets.push(socket);
    await once(socket, "open");
    socket.ping("beat");
    const [data] = await once(socket, "pong");
    expect(String(data)).toBe("beat");
  });

  it("holds a fast client up until the command reads", async () => {
    server = await startCommandServer(script("sleep 0.3; wc -c"));
    const bytes = 16 * 1024 * 1024;
    const { channels } = await collect(["v5.channel.k8s.io"], (socket) => {
      for (let sent = 0; sent < bytes; sent += 65_536) socket.send(message(0, Buffer.alloc(65_536)));
      socket.send(Buffer.from([255, 0]));
    });
    expect(channels[1]?.trim()).toBe(String(bytes));
  });
});

describe("older protocols", () => {
  it.each(["v4.channel.k8s.io", "channel.k8s.io"])("%s", async (protocol) => {
    server = await startCommandServer(script("echo out; exit 2"));
    const { channels } = await collect([protocol]);
    expect(channels[1]).toBe("out\n");
    const text =
      "command terminated with non-zero exit code: error executing command [sh -c echo out; exit 2], exit code 2";
    if (protocol === "v4.channel.k8s.io") expect(JSON.parse(channels[3] ?? "")).toMatchObject({ message: text });
    else expect(channels[3]).toBe(text);
  });

  it("says nothing of success before v4", async () => {
    server = await startCommandServer(["true"]);
    const { channels } = await collect(["channel.k8s.io"]);
    expect(channels[3]).toBeUndefined();
  });

  it("speaks base64", async () => {
    server = await startCommandServer(["head", "-c", "3"]);
    const { messages } = await collect(["base64.channel.k8s.io"], (socket) => {
      socket.send(`0${Buffer.from("abcdef").toString("base64")}`);
    });
    expect(messages.map(String)).toEqual(["1", `1${Buffer.from("abc").toString("base64")}`]);
  });

  it("take no protocol at all for the first one", async () => {
    server = await startCommandServer(["echo", "x"]);
    expect((await collect([])).channels[1]).toBe("x\n");
  });

  it("a protocol nobody knows is refused, and so is a container that is not there", async () => {
    server = await startCommandServer(["true"]);
    const socket = new WebSocket(server.url.replace("http", "ws"), ["v9.channel.k8s.io"]);
    sockets.push(socket);
    const [, response] = await once(socket, "unexpected-response");
    expect(response.statusCode).toBe(403);
    socket.on("error", () => {});
  });
});

it("a session that nothing goes over is ended", async () => {
  const ended: Promise<void>[] = [];
  server = await startCommandServer(["cat"], { idleMs: 100 }, (session) => ended.push(session.ended));
  const { code } = await collect(["v5.channel.k8s.io"]);
  expect(code).toBe(1006);
  await ended[0];
  await vi.waitFor(() => expect(server?.sockets.size).toBe(0), { timeout: 20_000 });
});
