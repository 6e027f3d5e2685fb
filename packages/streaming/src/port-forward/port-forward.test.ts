import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import { connectPortForward } from "../testing/port-forward-client.ts";
import { type StreamServer, startStreamServer } from "../testing/stream-server.ts";
import { servePortForward } from "./serve.ts";

let target: Server;
let server: StreamServer;
let ports: string[];
beforeEach(async () => {
  // Says all back when it has been told all: half-closing has to work.
  target = createServer({ allowHalfOpen: true }, (socket: Socket) => void socket.on("error", () => {}).pipe(socket));
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  ports = [String(portOf(target))];
  server = await startStreamServer((upgrade) => {
    void servePortForward(upgrade, { pod: "p", ports, dial });
  });
});
afterEach(async () => {
  await server.close();
  target.close();
});

const portOf = (listener: Server): number => (listener.address() as AddressInfo).port;

function dial(port: number): Promise<Duplex> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket));
  });
}

it("carries many connections over one", async () => {
  const connection = await connectPortForward(server.url);
  const texts = await Promise.all(
    Array.from({ length: 50 }, async (_unused, index) => {
      const stream = await connection.dial(portOf(target));
      stream.end(`connection ${index} ${"x".repeat(100_000)}`);
      return (await text(stream)).slice(0, 13).trim();
    }),
  );
  expect(texts).toEqual(Array.from({ length: 50 }, (_unused, index) => `connection ${index}`.slice(0, 13)));
  connection.close();
});

it("one connection that nobody reads does not hold up another", async () => {
  const connection = await connectPortForward(server.url);
  const slow = await connection.dial(portOf(target));
  slow.write(Buffer.alloc(2_000_000));
  const quick = await connection.dial(portOf(target));
  quick.end("quick");
  expect(await text(quick)).toBe("quick");
  connection.close();
});

it("says why there is no connection, and goes on with the next", async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const port = portOf(closed);
  await new Promise((resolve) => closed.close(resolve));
  const connection = await connectPortForward(server.url);
  const stream = await connection.dial(port);
  const [error] = await once(stream, "error");
  expect((error as Error).message).toMatch(`error forwarding port ${port} to pod p, uid : connect ECONNREFUSED`);
  const next = await connection.dial(portOf(target));
  next.end("next");
  expect(await text(next)).toBe("next");
  connection.close();
});

it("v4.channel.k8s.io has two channels for each port, which begin with the port", async () => {
  const socket = new WebSocket(server.url.replace("http", "ws"), ["v4.channel.k8s.io"]);
  const messages: Buffer[] = [];
  socket.on("message", (data: Buffer) => messages.push(data));
  await once(socket, "open");
  socket.send(Buffer.from("\0hello"));
  while (messages.length < 3) await once(socket, "message");
  const number = Buffer.alloc(2);
  number.writeUInt16LE(portOf(target));
  expect(messages).toEqual([Buffer.from([0, ...number]), Buffer.from([1, ...number]), Buffer.from("\0hello")]);
  socket.terminate();
});

it.each([
  [[], 'query parameter "port" is required'],
  [["x"], 'unable to parse "x" as a port: strconv.ParseUint: parsing "x": invalid syntax'],
  [["0"], 'port "0" must be > 0'],
])("refuses ports %j", async (wanted, message) => {
  ports = wanted;
  const socket = new WebSocket(server.url.replace("http", "ws"), ["v4.channel.k8s.io"]);
  socket.on("error", () => {});
  const [, response] = await once(socket, "unexpected-response");
  expect(response.statusCode).toBe(400);
  expect(await text(response)).toBe(message);
});
