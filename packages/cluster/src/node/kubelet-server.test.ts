import { once } from "node:events";
import { Agent, get } from "node:https";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import type { ContainerRequest, NodeConnection } from "@podwright/apiserver";
import { StatusError } from "@podwright/kube";
import type { ExecSession } from "@podwright/streaming";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type KubeletServer, startKubeletServer } from "./kubelet-server.ts";

let server: KubeletServer;
beforeAll(async () => {
  server = await startKubeletServer({
    nowMs: Date.now(),
    connection,
    nodeOf: (namespace, pod) => (namespace === "default" && pod === "p" ? "n" : undefined),
  });
});
afterAll(() => server.close());

/** Says all back, and ends with code 3. */
async function session({ container }: ContainerRequest): Promise<ExecSession> {
  if (container !== "c") {
    const message = `container not found (${JSON.stringify(container)})`;
    throw new StatusError({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code: 404 });
  }
  const stdin = new PassThrough();
  const stdout = stdin.pipe(new PassThrough());
  const exit = once(stdout, "end").then(() => ({ exitCode: 3 }));
  stdin.write("ready ");
  return { stdin, stdout, stderr: undefined, resize: () => {}, exit, close: () => stdin.end() };
}

const connection: NodeConnection = {
  containerLogs: async () => ({
    status: 200,
    chunks: (async function* () {
      yield "a log\n";
    })(),
  }),
  exec: (_node, request) => session(request),
  attach: (_node, request) => session(request),
  async dial(_node, _namespace, _pod, port) {
    if (port !== 80) throw new Error("connection refused");
    return new PassThrough();
  },
};

function open(path: string): WebSocket {
  const url = `wss://${server.host}:${server.port}${path}`;
  return new WebSocket(url, ["v4.channel.k8s.io"], { rejectUnauthorized: false });
}

async function refusal(path: string): Promise<string> {
  const socket = open(path);
  socket.on("error", () => {});
  const [, response] = await once(socket, "unexpected-response");
  return `${response.statusCode} ${await text(response)}`;
}

it("serves exec and attach, with the pod's uid in the path or without", async () => {
  for (const path of ["/exec/default/p/c?command=x&", "/exec/default/p/uid/c?command=x&", "/attach/default/p/c?"]) {
    const socket = open(`${path}input=1&output=1`);
    const messages: string[] = [];
    socket.on("message", (data: Buffer) => messages.push(data.toString("utf8", 1)));
    await once(socket, "open");
    socket.send(Buffer.from("\0hello"));
    while (messages.join("") !== "ready hello") await once(socket, "message");
    socket.close();
    await once(socket, "close");
  }
});

it("serves port-forward", async () => {
  const socket = open("/portForward/default/p?port=80");
  const messages: Buffer[] = [];
  socket.on("message", (data: Buffer) => messages.push(data));
  await once(socket, "open");
  socket.send(Buffer.from("\0hello"));
  while (messages.length < 3) await once(socket, "message");
  expect(messages[2]).toEqual(Buffer.from("\0hello"));
  socket.terminate();
});

it("refuses with a kubelet's words", async () => {
  expect(await refusal("/exec/default/p/other?command=x&output=1")).toBe('500 container not found ("other")');
  expect(await refusal("/exec/default/nobody/c?command=x&output=1")).toBe("404 pod does not exist");
  expect(await refusal("/exec/default/p/c?command=x")).toBe("400 you must specify at least 1 of stdin, stdout, stderr");
  expect(await refusal("/portForward/default/p")).toBe('400 query parameter "port" is required');
  expect(await refusal("/run/default/p/c")).toBe("404 404 page not found\n");
});

it("serves logs", async () => {
  const agent = new Agent({ rejectUnauthorized: false });
  const answer = async (path: string): Promise<string> => {
    const [response] = await once(get({ host: server.host, port: server.port, path, agent }), "response");
    return `${response.statusCode} ${await text(response)}`;
  };
  expect(await answer("/containerLogs/default/p/c")).toBe("200 a log\n");
  expect(await answer("/containerLogs/default/nobody/c")).toBe('404 pod "nobody" not found\n');
  expect(await answer("/metrics")).toBe("404 404 page not found\n");
});
