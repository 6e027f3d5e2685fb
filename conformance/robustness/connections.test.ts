import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { configMaps as configMapsOf } from "@podwright/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { configMaps, openTarget, patchTypes, type Target } from "./target.ts";

let target: Target;
const sockets: TLSSocket[] = [];
beforeAll(async () => {
  target = await openTarget();
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await target.stop();
  expect(target.faults).toEqual([]);
});

const maxBodyBytes = 3 * 1024 * 1024;

/** A connection on which anything can be sent. */
async function open(): Promise<TLSSocket> {
  const socket = connect(target.tls);
  sockets.push(socket);
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return socket;
}

/** All that comes until the server closes. */
function untilClosed(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.once("close", () => resolve(text));
  });
}

const head = (method: string, path: string, ...lines: string[]) =>
  `${[`${method} ${path} HTTP/1.1`, "Host: x", "Content-Type: application/json", ...lines].join("\r\n")}\r\n\r\n`;

const object = (name: string, bytes: number) =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { a: "x".repeat(bytes) } });

test("a body of 3 MiB and a byte is refused, whatever is done with it; one of 3 MiB is read", async () => {
  const tooLarge = "x".repeat(maxBodyBytes + 1);
  for (const [method, path, type] of [
    ["POST", configMaps, "application/json"],
    ["PUT", `${configMaps}/x`, "application/yaml"],
    ["PATCH", `${configMaps}/x`, patchTypes.merge],
    ["DELETE", `${configMaps}/x`, "application/json"],
  ] as const) {
    const request = { method, path, headers: { "content-type": type }, body: tooLarge };
    expect(await target.refused(request)).toMatchObject({
      code: 413,
      reason: "RequestEntityTooLarge",
      message: "Request entity too large: limit is 3145728",
    });
  }
  const { status } = await target.send({ method: "POST", path: configMaps, body: tooLarge.slice(1) });
  expect(status).toBe(400);
});

test("a body without end is refused at 3 MiB, and the connection closed", async () => {
  const socket = await open();
  const answer = untilClosed(socket);
  socket.write(head("POST", configMaps, "Transfer-Encoding: chunked"));
  const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  let sent = 0;
  while (!socket.destroyed && sent < 100 * 1024 * 1024) {
    sent += chunk.length;
    socket.write(chunk);
    while (!socket.destroyed && socket.writableLength > 1024 * 1024)
      await new Promise((resolve) => setTimeout(resolve, 1));
  }
  // The close may overtake the answer.
  expect(await answer).toMatch(/^(HTTP\/1\.1 413 .*|)/);
  expect(sent).toBeLessThan(100 * 1024 * 1024);
});

test("clients that leave in the middle of a request leave nothing behind", async () => {
  const text = object("half", 100_000);
  for (const length of [0, 1, 1000, text.length - 1]) {
    const socket = await open();
    socket.write(head("POST", configMaps, `Content-Length: ${text.length}`) + text.slice(0, length));
    socket.end();
    socket.destroySoon();
    await once(socket, "close");
  }
  const socket = await open();
  socket.write("POST /api/v1/name");
  socket.destroy();
  await once(socket, "close");
  expect((await target.send({ method: "GET", path: `${configMaps}/half` })).status).toBe(404);
});

test.each([
  "garbage\r\n\r\n",
  "GET\r\n\r\n",
  `GET ${configMaps} HTTP/9.9\r\n\r\n`,
  "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
  head("POST", configMaps, "Content-Length: -1"),
  head("POST", configMaps, "Content-Length: 5", "Transfer-Encoding: chunked"),
  `${head("POST", configMaps, "Transfer-Encoding: chunked")}zz\r\n`,
])("%j is answered 400, and the connection closed", async (text) => {
  const socket = await open();
  const answer = untilClosed(socket);
  socket.write(text);
  expect(await answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
});

test("a client that speaks no TLS is not heard", async () => {
  const { connect: connectPlain } = await import("node:net");
  const socket = connectPlain(target.tls.port, target.tls.host);
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\n\r\n");
  await once(socket, "close");
});

test("hundreds of connections that say nothing, or stop halfway, keep nobody waiting", async () => {
  const slow = await Promise.all(Array.from({ length: 200 }, open));
  for (const [index, socket] of slow.entries()) {
    if (index % 2 === 0) socket.write(`${head("POST", configMaps, "Content-Length: 1000")}{`);
    else if (index % 4 === 1) socket.write("GET /api HT");
  }
  const made = await target.send({ method: "POST", path: configMaps, body: object("meanwhile", 10) });
  expect(made.status).toBe(201);
  for (const socket of slow) socket.destroy();
});

test("watchers that leave, and ones that do not read, keep no other from its events", async () => {
  const abort = new AbortController();
  const seen = new Set<string>();
  const events = target.cluster.client
    .resource(configMapsOf)
    .watch({ namespace: "default", signal: abort.signal, labelSelector: "w=1" });
  const count = 50;
  const reading = (async () => {
    for await (const { object } of events) {
      seen.add(object.metadata.name as string);
      if (seen.size === count) return;
    }
  })();

  const idle = await Promise.all(Array.from({ length: 20 }, open));
  for (const socket of idle) {
    socket.pause();
    socket.write(head("GET", `${configMaps}?watch=1`));
  }
  for (let index = 0; index < count; index++) {
    const body = JSON.stringify({
      metadata: { name: `w${index}`, labels: { w: "1" } },
      data: { a: "x".repeat(100_000) },
    });
    expect((await target.send({ method: "POST", path: configMaps, body })).status).toBe(201);
    if (index % 5 === 0) {
      idle.pop()?.destroy();
      const leaving = await open();
      leaving.write(head("GET", `${configMaps}?watch=1`));
      leaving.once("data", () => leaving.destroy());
    }
  }
  await reading;
  expect(seen.size).toBe(count);
  abort.abort();
});

test("memory does not grow with refused requests", async () => {
  const refuse = async (times: number) => {
    for (let i = 0; i < times; i++) {
      const body = i % 2 === 0 ? object(`refused-${i}`, 1_200_000) : `{"metadata":${"[".repeat(500_000)}`;
      await target.send({ method: "POST", path: configMaps, body });
    }
  };
  await refuse(20);
  const before = process.memoryUsage().rss;
  await refuse(100);
  // 100 bodies are 85 MB.
  expect(process.memoryUsage().rss - before).toBeLessThan(80 * 1024 * 1024);
});
