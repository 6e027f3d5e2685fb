import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type RequestOptions, request } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { openProcessCluster, type ProcessCluster } from "../../testing/process-cluster.ts";

let target: Server;
let cluster: ProcessCluster;
let seen: IncomingMessage | undefined;
beforeAll(async () => {
  target = createServer((incoming, outgoing) => void serve(incoming, outgoing));
  const webSockets = new WebSocketServer({ server: target, path: "/echo" });
  webSockets.on("connection", (socket) => socket.on("message", (data) => socket.send(`echo ${data}`)));
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  cluster = await openProcessCluster({ port: (target.address() as AddressInfo).port });
});
afterAll(async () => {
  await cluster.close();
  target.close();
});

/** Few bytes that stand for many. */
const bomb = gzipSync(`<a href="/x">${" ".repeat(32 * 1024 * 1024)}</a>`);

/** The program in the pod. */
async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  seen = incoming;
  const page = '<a href="/x">x</a>';
  switch (incoming.url?.split("?")[0]) {
    case "/page":
      outgoing.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(page);
      return;
    case "/packed":
      outgoing.writeHead(200, { "Content-Type": "text/html", "Content-Encoding": "gzip" }).end(gzipSync(page));
      return;
    case "/bomb":
      outgoing.writeHead(200, { "Content-Type": "text/html", "Content-Encoding": "gzip" }).end(bomb);
      return;
    case "/away":
      outgoing.writeHead(302, { Location: "/there?a=b" }).end();
      return;
    case "/broken":
      outgoing.socket?.destroy();
      return;
    case "/cookies":
      outgoing.writeHead(418, { "Set-Cookie": ["a=1", "b=2"], "Access-Control-Allow-Origin": "*", "X-Own": "y" }).end();
      return;
    default:
      outgoing
        .writeHead(200, { "Content-Type": "text/plain" })
        .end(`${incoming.method} ${(await text(incoming)).length}`);
  }
}

interface Sent {
  status: number;
  headers: IncomingMessage["headers"];
  body: Buffer;
}

async function send(path: string, { body, ...options }: RequestOptions & { body?: Buffer } = {}): Promise<Sent> {
  const { pki, listener } = cluster;
  const sent = request({ host: "127.0.0.1", port: listener.port, path, ca: pki.ca.cert, ...pki.admin, ...options });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

const proxy = "/api/v1/namespaces/default/pods/p/proxy";

describe("a pod's proxy", () => {
  it("passes method, path, query, headers and a body of any length on", async () => {
    const body = Buffer.alloc(10 * 1024 * 1024);
    const headers = { "x-own": "x", authorization: "Basic c2VjcmV0", "impersonate-user": "kubernetes-admin" };
    const answer = await send(`${proxy}/a%20b/?q=%201&r`, { method: "PUT", headers, body });
    expect(String(answer.body)).toBe(`PUT ${body.length}`);
    expect(seen?.url).toBe("/a%20b/?q=%201&r");
    expect(seen?.headers).toMatchObject({
      "x-own": "x",
      "x-forwarded-uri": `${proxy}/a%20b/`,
      "x-forwarded-for": "127.0.0.1",
    });
    expect(seen?.headers["authorization"]).toBeUndefined();
    expect(seen?.headers["impersonate-user"]).toBeUndefined();
  });

  it("passes status, cookies and headers back, but not who may call from elsewhere", async () => {
    const answer = await send(`${proxy}/cookies`);
    expect(answer.status).toBe(418);
    expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(answer.headers["x-own"]).toBe("y");
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    expect((await send(`${proxy}/x`, { method: "HEAD" })).status).toBe(200);
    expect(String((await send(`${proxy}/x`, { method: "OPTIONS" })).body)).toBe("OPTIONS 0");
    // The query is the pod's.
    expect(
      (await send(`${proxy}/x?timeout=soon&watch=true&dryrun=x`, { headers: { accept: "text/html" } })).status,
    ).toBe(200);
  });

  it("sends links and redirects by the proxy", async () => {
    expect(String((await send(`${proxy}/page`)).body)).toBe(`<a href="${proxy}/x">x</a>`);
    const packed = await send(`${proxy}/packed`);
    expect(String(gunzipSync(packed.body))).toBe(`<a href="${proxy}/x">x</a>`);
    expect((await send(`${proxy}/bomb`)).body.equals(bomb)).toBe(true);
    expect((await send(`${proxy}/away`)).headers.location).toBe(`${proxy}/there?a=b`);
    const root = await send(`${proxy}?a=b`);
    expect({ status: root.status, location: root.headers.location }).toEqual({
      status: 301,
      location: `${proxy}/?a=b`,
    });
  });

  it("connects WebSockets", async () => {
    const options = { ca: cluster.pki.ca.cert, ...cluster.pki.admin };
    const socket = new WebSocket(`${cluster.url.replace("https", "wss")}${proxy}/echo`, options);
    await once(socket, "open");
    socket.send("hello");
    const [data] = await once(socket, "message");
    expect(String(data)).toBe("echo hello");
    socket.terminate();
  });

  it("says that nobody listens, or answers", async () => {
    const closed = await send("/api/v1/namespaces/default/pods/p:1/proxy/");
    expect(JSON.parse(String(closed.body))).toMatchObject({
      code: 503,
      reason: "ServiceUnavailable",
      message: "error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused",
    });
    const broken = await send(`${proxy}/broken`);
    expect(JSON.parse(String(broken.body)).message).toBe("error trying to reach service: EOF");
  });
});

describe("a service's proxy", () => {
  it("goes to a pod behind the port, by its name or number", async () => {
    const { port } = target.address() as AddressInfo;
    const base = "/api/v1/namespaces/default";
    await cluster.api.send("POST", `${base}/services`, {
      metadata: { name: "s" },
      spec: { clusterIP: "None", ports: [{ name: "web", port: 80, targetPort: port }] },
    });
    const before = await send(`${base}/services/s:web/proxy/`);
    expect(before.status).toBe(404);
    const targetRef = { kind: "Pod", namespace: "default", name: "p" };
    await cluster.api.send("POST", `${base}/endpoints`, {
      metadata: { name: "s" },
      subsets: [{ addresses: [{ ip: "10.1.2.3", targetRef }], ports: [{ name: "web", port }] }],
    });
    for (const id of ["s:web", "s:80", "http:s:web"]) {
      expect(String((await send(`${base}/services/${id}/proxy/x`)).body)).toBe("GET 0");
    }
    const other = await send(`${base}/services/s:nothing/proxy/x`);
    expect(JSON.parse(String(other.body)).message).toBe('no endpoints available for service "s:nothing"');
  });
});

it("a node's proxy answers what a kubelet does", async () => {
  expect(String((await send("/api/v1/nodes/n/proxy/healthz")).body)).toBe("ok");
  const pods = JSON.parse(String((await send("/api/v1/nodes/n/proxy/pods")).body));
  expect(pods.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toEqual(["p"]);
  expect(String((await send("/api/v1/nodes/n/proxy/containerLogs/default/p/c")).body)).toBe("one\ntwo\n");
  expect((await send("/api/v1/nodes/n/proxy/nothing")).status).toBe(404);
});
