import { spawnSync } from "node:child_process";
import net, { type AddressInfo, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { staticCredentials } from "../connection-config.ts";
import { HttpTransport, type HttpTransportOptions } from "../http-transport.ts";

/** Requests by connection, as they came; each is answered by `answer`. */
let requests: string[][];
let answer: (socket: Socket, request: string) => void;
let server: net.Server;
let sockets: Set<Socket>;
let transport: HttpTransport | undefined;

const ok = (body = "ok"): string => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

beforeEach(async () => {
  requests = [];
  sockets = new Set();
  answer = (socket) => socket.write(ok());
  server = net.createServer((socket) => {
    const mine: string[] = [];
    requests.push(mine);
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      mine.push(chunk.toString());
      answer(socket, chunk.toString());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  await transport?.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function open(options: HttpTransportOptions = {}, credentials = staticCredentials({})): HttpTransport {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  transport = new HttpTransport({ server: url, namespace: "default", tls: {}, credentials, headers: {} }, options);
  return transport;
}

const get = async (client: HttpTransport, path: string, signal?: AbortSignal): Promise<string> => {
  const response = await client.request({ method: "GET", path, ...(signal === undefined ? {} : { signal }) });
  return response.text();
};

test("head and body come in one piece, and the connection is used again", async () => {
  const client = open();
  for (const body of ["ä", new Uint8Array([1, 2])]) {
    const response = await client.request({ method: "POST", path: "/x", body, headers: { "X-A": "b" } });
    expect(await response.text()).toBe("ok");
  }
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const head = `POST /x HTTP/1.1\r\nhost: ${host}\r\nx-a: b\r\ncontent-length: 2\r\n\r\n`;
  expect(requests).toEqual([[`${head}ä`, `${head}\x01\x02`]]);
});

test.each([
  ["the server says that it closes", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"],
  ["more came than was asked for", `${ok()}${ok("evil")}`],
])("a connection is not used again when %s", async (_when, text) => {
  answer = (socket, request) => socket.write(request.startsWith("GET /first") ? text : ok("fine"));
  const client = open();
  expect(await get(client, "/first")).toBe("ok");
  expect(await get(client, "/second")).toBe("fine");
  expect(requests.map((each) => each.length)).toEqual([1, 1]);
});

test("bytes that come on an idle connection close it", async () => {
  const client = open();
  await get(client, "/");
  for (const socket of sockets) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
  await vi.waitFor(() => expect(sockets.size).toBe(0), { timeout: 20_000 });
  expect(await get(client, "/")).toBe("ok");
});

test("a body without a length ends with the connection", async () => {
  answer = (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it");
  expect(await get(open(), "/")).toBe("all of it");
});

test("what is no HTTP is told as such", async () => {
  answer = (socket) => socket.write("220 smtp\r\n\r\n");
  await expect(get(open(), "/x")).rejects.toMatchObject({
    code: "EBADHTTP",
    message: 'GET /x: the answer is no HTTP: it begins with "220 smtp"',
  });
});

test("line breaks get into no request", async () => {
  const client = open();
  const request = { method: "GET", path: "/x", headers: { a: "b\r\nc: d" } } as const;
  await expect(client.request(request)).rejects.toThrow("the header field a has a control character");
  await expect(client.request({ ...request, headers: { "a\r\nb": "c" } })).rejects.toThrow("is no name of a header");
  await expect(client.request({ method: "GET", path: "/x y" })).rejects.toThrow('the path "/x y" is not escaped');
  expect(requests).toEqual([]);
});

test("beyond the limit of connections requests wait, and one that is aborted there is not sent", async () => {
  const client = open({ maxConnections: 1 });
  const held: Socket[] = [];
  answer = (socket) => held.push(socket);
  const first = get(client, "/first");
  await vi.waitFor(() => expect(held).toHaveLength(1), { timeout: 20_000 });
  const abort = new AbortController();
  const second = get(client, "/second", abort.signal);
  const third = get(client, "/third");
  abort.abort(new Error("enough"));
  await expect(second).rejects.toThrow("enough");
  answer = (socket) => socket.write(ok());
  held[0]?.write(ok());
  expect(await Promise.all([first, third])).toEqual(["ok", "ok"]);
  expect(requests.map((each) => each.map((text) => text.split(" ")[1]))).toEqual([["/first", "/third"]]);
});

test("one that is aborted while its credentials are looked for is not sent", async () => {
  const abort = new AbortController();
  const credentials = {
    current: async () => {
      abort.abort(new Error("enough"));
      return {};
    },
    rejected: async () => false,
  };
  await expect(get(open({}, credentials), "/x", abort.signal)).rejects.toThrow("enough");
  expect(requests).toEqual([]);
});

test("when its connection breaks, those that wait get another", async () => {
  const client = open({ maxConnections: 1 });
  answer = (socket) => {
    answer = (next) => next.write(ok());
    socket.destroy();
  };
  const outcomes = await Promise.allSettled([
    client.request({ method: "POST", path: "/broken", body: "{}" }),
    get(client, "/next"),
  ]);
  expect(outcomes).toMatchObject([{ reason: { code: "ECONNRESET" } }, { value: "ok" }]);
});

test("a reader who is slow makes the server wait, and gets everything", async () => {
  const size = 64 * 1024 * 1024;
  let sent = 0;
  answer = (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
    const piece = Buffer.alloc(64 * 1024, "x");
    const more = () => {
      while (sent < size) {
        sent += piece.length;
        if (!socket.write(piece)) {
          socket.once("drain", more);
          return;
        }
      }
    };
    more();
  };
  const response = await open().request({ method: "GET", path: "/big" });
  let last = -1;
  await vi.waitFor(
    () => {
      const before = last;
      last = sent;
      expect(last).toBe(before);
    },
    { timeout: 20_000, interval: 200 },
  );
  expect(sent).toBeLessThan(size);
  let received = 0;
  for await (const chunk of response.chunks()) received += chunk.length;
  expect(received).toBe(size);
});

test("whoever leaves a body ends its connection", async () => {
  answer = (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome");
  const response = await open().request({ method: "GET", path: "/" });
  for await (const chunk of response.chunks()) {
    expect(Buffer.from(chunk).toString()).toBe("some");
    break;
  }
  await vi.waitFor(() => expect(sockets.size).toBe(0), { timeout: 20_000 });
});

test("a stream may be silent for longer than an answer", async () => {
  answer = (socket) => {
    socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    setTimeout(() => socket.write("5\r\nlater\r\n0\r\n\r\n"), 300);
  };
  expect(await get(open({ responseTimeoutMs: 50 }), "/x?watch=1")).toBe("later");
  await expect(get(open({ responseTimeoutMs: 50 }), "/x")).rejects.toMatchObject({
    code: "ETIMEDOUT",
    message: "GET /x: the answer stopped for 0.05 s",
  });
});

test("idle connections keep no process up", () => {
  const program = `
    import { HttpTransport, staticCredentials } from ${JSON.stringify(new URL("../index.ts", import.meta.url).href)};
    import http from "node:http";
    const server = http.createServer((request, response) => response.end("ok")).listen(0, "127.0.0.1", async () => {
      const url = "http://127.0.0.1:" + server.address().port;
      const config = { server: url, namespace: "default", tls: {}, credentials: staticCredentials({}), headers: {} };
      const response = await new HttpTransport(config).request({ method: "GET", path: "/" });
      console.log(await response.text());
      server.unref();
    });
    server.on("connection", (socket) => socket.unref());
  `;
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const ended = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { cwd, timeout: 20_000 });
  expect({ status: ended.status, output: ended.stdout.toString() }).toEqual({ status: 0, output: "ok\n" });
});
