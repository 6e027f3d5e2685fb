import { once } from "node:events";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { startWebhookServer } from "../../admission/testing/webhook-server.ts";
import { openProcessCluster, type ProcessCluster } from "../../testing/process-cluster.ts";
import { adminToken } from "../../testing/test-server.ts";

let cluster: ProcessCluster;
const sockets: WebSocket[] = [];
beforeAll(async () => {
  cluster = await openProcessCluster();
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});
afterAll(() => cluster.close());

const pod = "/api/v1/namespaces/default/pods/p";
const v5 = "v5.channel.k8s.io";

function open(path: string, protocols: string[] = [v5]): WebSocket {
  const { pki, url } = cluster;
  const socket = new WebSocket(`${url.replace("https", "wss")}${path}`, protocols, { ca: pki.ca.cert, ...pki.admin });
  sockets.push(socket);
  return socket;
}

/** Everything a socket brings, by channel. */
async function run(path: string, protocols?: string[]): Promise<Record<number, string>> {
  const socket = open(path, protocols);
  const channels: Record<number, string> = {};
  socket.on("message", (data: Buffer) => {
    channels[data[0] as number] = (channels[data[0] as number] ?? "") + data.toString("utf8", 1);
  });
  await once(socket, "close");
  return channels;
}

/** What is answered in place of an upgrade. */
async function refusal(path: string, protocols?: string[]): Promise<{ status: number; body: string }> {
  const socket = open(path, protocols);
  socket.on("error", () => {});
  const [, response] = await once(socket, "unexpected-response");
  return { status: response.statusCode, body: await text(response) };
}

describe("exec", () => {
  it("runs a command and tells how it ended", async () => {
    const path = `${pod}/exec?container=c&stdout=1&stderr=true&command=sh&command=-c&command=${encodeURIComponent("echo out; exit 7")}`;
    const channels = await run(path);
    expect(channels[1]).toBe("out\n");
    expect(JSON.parse(channels[3] ?? "")).toMatchObject({ details: { causes: [{ message: "7" }] } });
  });

  it("has one output with a terminal", async () => {
    const path = `${pod}/exec?container=c&stdout=1&stderr=1&tty=1&command=sh&command=-c&command=${encodeURIComponent("tty; echo err >&2")}`;
    const channels = await run(path);
    expect(channels[1]).toMatch(/^\/dev\/pts\/\d+\r\nerr\r\n$/);
    expect(channels[2]).toBeUndefined();
  });

  it("tells a v5 client of a container that does not run on the error channel, and v4 by the handshake", async () => {
    const path = `${pod}/exec?container=stopped&stdout=1&command=true`;
    expect(JSON.parse((await run(path))[3] ?? "")).toMatchObject({
      message: 'Internal error occurred: unable to upgrade connection: container not found ("stopped")',
    });
    expect(await refusal(path, ["v4.channel.k8s.io"])).toEqual({
      status: 500,
      body: 'container not found ("stopped")',
    });
    const none = `${pod}/exec?container=c&command=true`;
    expect(await refusal(none, ["v4.channel.k8s.io"])).toEqual({
      status: 400,
      body: "you must specify at least 1 of stdin, stdout, stderr",
    });
  });

  it("answers with a Status before the upgrade where the API server itself refuses", async () => {
    const cases: [string, number, string][] = [
      [`${pod}/exec?container=x&stdout=1&command=true`, 400, "container x is not valid for pod p"],
      [
        `${pod}/exec?stdout=1&command=true`,
        400,
        "a container name must be specified for pod p, choose one of: [c stopped]",
      ],
      ["/api/v1/namespaces/default/pods/unplaced/exec?stdout=1", 400, "pod unplaced does not have a host assigned"],
      ["/api/v1/namespaces/default/pods/nobody/exec?stdout=1", 404, 'pods "nobody" not found'],
    ];
    for (const [path, code, message] of cases) {
      const { status, body } = await refusal(path);
      expect({ status, message: JSON.parse(body).message }).toEqual({ status: code, message });
    }
    const anonymous = new WebSocket(`${cluster.url.replace("https", "wss")}${pod}/exec?stdout=1`, [v5], {
      ca: cluster.pki.ca.cert,
      headers: { authorization: "Bearer nobodys" },
    });
    anonymous.on("error", () => {});
    const [, response] = await once(anonymous, "unexpected-response");
    expect(response.statusCode).toBe(401);
  });

  it("webhooks see the options and may refuse", async () => {
    const server = await startWebhookServer(({ review }) => ({
      response: { allowed: review.request.object.command[0] === "true", status: { message: "not that" } },
    }));
    const configuration = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    await cluster.api.send("POST", configuration, {
      metadata: { name: "connect" },
      webhooks: [
        {
          name: "connect.example.com",
          clientConfig: { url: server.url, caBundle: server.caBundle },
          rules: [{ operations: ["CONNECT"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods/exec"] }],
          admissionReviewVersions: ["v1"],
          sideEffects: "None",
        },
      ],
    });
    const { status, body } = await refusal(`${pod}/exec?container=c&stdout=1&command=id&tty=1`);
    expect({ status, message: JSON.parse(body).message }).toEqual({
      status: 400,
      message: 'admission webhook "connect.example.com" denied the request: not that',
    });
    expect(server.received[0]?.review.request).toMatchObject({
      operation: "CONNECT",
      kind: { group: "", version: "v1", kind: "PodExecOptions" },
      resource: { group: "", version: "v1", resource: "pods" },
      subResource: "exec",
      name: "p",
      namespace: "default",
      object: { kind: "PodExecOptions", apiVersion: "v1", container: "c", command: ["id"], stdout: true, tty: true },
      options: null,
    });
    const channels = await run(`${pod}/exec?container=c&stdout=1&command=true`);
    expect(JSON.parse(channels[3] ?? "").status).toBe("Success");
    await cluster.api.send("DELETE", `${configuration}/connect`);
    await server.close();
  });

  it("a thousand at once, and everything else is answered meanwhile", async () => {
    const path = `${pod}/exec?container=c&stdout=1&command=echo&command=x`;
    const batches = Array.from({ length: 20 }, async () => {
      for (let index = 0; index < 50; index++) {
        const channels = await run(path);
        expect(JSON.parse(channels[3] ?? "").status).toBe("Success");
      }
    });
    const pods = await cluster.api.send("GET", "/api/v1/namespaces/default/pods");
    expect(pods.status).toBe(200);
    await Promise.all(batches);
    await vi.waitFor(() => expect(cluster.nodes.running()).toBe(0), { timeout: 20_000 });
  }, 120_000);

  it("a client that does not read holds nobody else up", async () => {
    const slow = open(`${pod}/exec?container=c&stdout=1&command=yes`);
    await once(slow, "message");
    slow.pause();
    const channels = await run(`${pod}/exec?container=c&stdout=1&command=echo&command=quick`);
    expect(channels[1]).toBe("quick\n");
    slow.terminate();
    await vi.waitFor(() => expect(cluster.nodes.running()).toBe(0), { timeout: 20_000 });
  });
});

it("a browser's token comes as a subprotocol", async () => {
  const url = `${cluster.url.replace("https", "wss")}${pod}/exec?container=c&stdout=1&command=true`;
  const token = `base64url.bearer.authorization.k8s.io.${Buffer.from(adminToken).toString("base64url")}`;
  const connect = (protocols: string[]): WebSocket => {
    const socket = new WebSocket(url, protocols, { ca: cluster.pki.ca.cert });
    sockets.push(socket);
    return socket;
  };
  const socket = connect([v5, token]);
  await once(socket, "open");
  expect(socket.protocol).toBe(v5);
  for (const protocols of [[token], [v5, `${token}x`], [v5, token, `${token}x`]]) {
    const refused = connect(protocols);
    refused.on("error", () => {});
    const [, response] = await once(refused, "unexpected-response");
    expect(response.statusCode).toBe(401);
  }
});

it("a log comes over a WebSocket as well", async () => {
  const socket = open(`${pod}/log?container=c`, ["binary.k8s.io"]);
  let log = "";
  socket.on("message", (data: Buffer) => {
    log += data.toString();
  });
  await once(socket, "close");
  expect(log).toBe("one\ntwo\n");
});

it("a watch comes over a WebSocket as well", async () => {
  const socket = open("/api/v1/namespaces/default/pods?watch=true&fieldSelector=metadata.name%3Dp", []);
  const [data, binary] = await once(socket, "message");
  expect(binary).toBe(false);
  expect(JSON.parse(String(data))).toMatchObject({ type: "ADDED", object: { metadata: { name: "p" } } });
});

it("a request for an upgrade that nobody serves is answered as an ordinary one", async () => {
  const { pki, listener } = cluster;
  const sent = request({
    host: "127.0.0.1",
    port: listener.port,
    path: pod,
    ca: pki.ca.cert,
    ...pki.admin,
    headers: { connection: "Upgrade", upgrade: "something" },
  });
  sent.end();
  const [response] = await once(sent, "response");
  expect(response.statusCode).toBe(200);
  expect(JSON.parse(await text(response)).metadata.name).toBe("p");
});

it("closing the listener ends sessions", async () => {
  const other = await openProcessCluster();
  const { pki, url } = other;
  const options = { ca: pki.ca.cert, ...pki.admin };
  const socket = new WebSocket(
    `${url.replace("https", "wss")}${pod}/attach?container=c&stdin=1&stdout=1`,
    [v5],
    options,
  );
  await once(socket, "open");
  await vi.waitFor(() => expect(other.nodes.running()).toBe(1), { timeout: 20_000 });
  const closed = once(socket, "close");
  await other.close();
  await closed;
  await vi.waitFor(() => expect(other.nodes.running()).toBe(0), { timeout: 20_000 });
});
