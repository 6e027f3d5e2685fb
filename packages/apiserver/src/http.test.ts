import { Agent, type RequestOptions, request } from "node:https";
import { connect } from "node:net";
import { createCertificateAuthority } from "@podwright/pki";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HttpListener, listen } from "./http.ts";
import { openPki, type Pki } from "./pki/pki.ts";
import { adminToken, openTestServer, type TestServer } from "./testing/test-server.ts";

let api: TestServer;
let pki: Pki;
let listener: HttpListener;
const agents: Agent[] = [];

beforeAll(async () => {
  api = await openTestServer();
  pki = await openPki({ now: Date.now() });
  listener = await open();
});
afterAll(async () => {
  for (const agent of agents) agent.destroy();
  await listener.close();
  await api.close();
});

function open(port = 0): Promise<HttpListener> {
  return listen(api.server, { port, host: "127.0.0.1", tls: { ...pki.server, clientCa: pki.ca.cert } });
}

interface Sent {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Sends a request over TLS, as the holder of the certificate when one is given. */
function send(path: string, options: RequestOptions & { body?: string | Buffer } = {}): Promise<Sent> {
  const { body, ...rest } = options;
  const agent = rest.agent ?? new Agent({ keepAlive: false });
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port: listener.port, path, ca: pki.ca.cert, ...rest, agent },
      async (response) => {
        let text = "";
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

const bearer = { authorization: `Bearer ${adminToken}` };
const whoAmI = {
  path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
  options: { method: "POST", headers: { "content-type": "application/json" }, body: "{}" },
};

describe("who a client is", () => {
  it("comes from its certificate", async () => {
    const { text } = await send(whoAmI.path, { ...whoAmI.options, ...pki.admin });
    expect(JSON.parse(text).status.userInfo).toEqual({
      username: "kubernetes-admin",
      groups: ["system:masters", "system:authenticated"],
    });
  });

  it("does not come from a certificate that somebody else has signed", async () => {
    const other = createCertificateAuthority("other", Date.now());
    const imposter = other.issue({
      commonName: "kubernetes-admin",
      organizations: ["system:masters"],
      usage: "client",
    });
    expect((await send("/version", imposter)).status).toBe(401);
  });

  it("comes from a bearer token", async () => {
    const headers = { ...whoAmI.options.headers, ...bearer };
    const { text } = await send(whoAmI.path, { ...whoAmI.options, headers });
    expect(JSON.parse(text).status.userInfo.username).toBe("token-admin");
    expect((await send("/version", { headers: { authorization: "Bearer wrong" } })).status).toBe(401);
  });

  it("is not known without either", async () => {
    expect((await send("/version")).status).toBe(200);
    expect((await send("/api/v1/pods")).status).toBe(403);
  });
});

describe("answers", () => {
  it("carry upstream's headers", async () => {
    const { headers } = await send("/api/v1/namespaces/default", { headers: bearer });
    expect(headers["content-type"]).toBe("application/json");
    expect(headers["cache-control"]).toBe("no-cache, private");
    expect(Number(headers["content-length"])).toBeGreaterThan(0);
  });

  it("carry warnings", async () => {
    const { headers } = await send("/api/v1/namespaces/default/configmaps", {
      method: "POST",
      headers: { ...bearer, "content-type": "application/json" },
      body: '{"metadata":{"name":"warned"},"foo":1}',
    });
    expect(headers["warning"]).toBe('299 - "unknown field \\"foo\\""');
  });

  it("refuse bodies of more than 3 MiB", async () => {
    const { status, text } = await send("/api/v1/namespaces/default/configmaps", {
      method: "POST",
      headers: { ...bearer, "content-type": "application/json" },
      body: Buffer.alloc(3 * 1024 * 1024 + 1, 0x20),
    });
    expect([status, JSON.parse(text).message]).toEqual([413, "Request entity too large: limit is 3145728"]);
  });

  it("come over connections that are kept", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: pki.ca.cert });
    agents.push(agent);
    for (let i = 0; i < 3; i++) expect((await send("/version", { agent })).status).toBe(200);
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
  });
});

interface OpenWatch {
  status: number;
  lines: AsyncIterator<string>;
  destroy(): void;
}

function openWatch(port: number, path: string): Promise<OpenWatch> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false });
    const sent = request({ host: "127.0.0.1", port, path, ca: pki.ca.cert, headers: bearer, agent }, (response) => {
      async function* lines(): AsyncGenerator<string> {
        let rest = "";
        for await (const chunk of response) {
          rest += chunk;
          for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
            yield rest.slice(0, end);
            rest = rest.slice(end + 1);
          }
        }
      }
      resolve({ status: response.statusCode ?? 0, lines: lines(), destroy: () => sent.destroy() });
    });
    sent.on("error", reject);
    sent.end();
  });
}

async function nextLine(watch: OpenWatch) {
  const { value, done } = await watch.lines.next();
  return done ? undefined : JSON.parse(value);
}

describe("watches", () => {
  const secrets = "/api/v1/namespaces/default/secrets";

  it("answer at once, and then line by line", async () => {
    const revision = api.storage.revision;
    const watch = await openWatch(listener.port, `${secrets}?watch=1&resourceVersion=${revision}`);
    expect(watch.status).toBe(200);
    await api.send("POST", secrets, { metadata: { name: "line" } });
    await api.send("DELETE", `${secrets}/line`);
    expect((await nextLine(watch)).type).toBe("ADDED");
    expect((await nextLine(watch)).type).toBe("DELETED");
    watch.destroy();
  });

  it("lose nothing when the client reads slowly", async () => {
    const revision = api.storage.revision;
    const watch = await openWatch(listener.port, `${secrets}?watch=1&resourceVersion=${revision}`);
    const stringData = { data: "x".repeat(100_000) };
    for (let i = 0; i < 100; i++) await api.send("POST", secrets, { metadata: { name: `slow-${i}` }, stringData });
    const names: string[] = [];
    while (names.length < 100) names.push((await nextLine(watch)).object.metadata.name);
    expect(names).toEqual(Array.from({ length: 100 }, (_, i) => `slow-${i}`));
    watch.destroy();
  });

  it("end when their time is up", async () => {
    const watch = await openWatch(listener.port, `${secrets}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dx`);
    expect(await nextLine(watch)).toBeUndefined();
  });
});

describe("listening", () => {
  it("fails with the system's error when the port is taken", async () => {
    await expect(open(listener.port)).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it("stops: watches end, and connections that say nothing are cut", async () => {
    const other = await openTestServer();
    const second = await listen(other.server, {
      port: 0,
      host: "127.0.0.1",
      tls: { ...pki.server, clientCa: pki.ca.cert },
    });
    const watch = await openWatch(second.port, "/api/v1/namespaces?watch=1&resourceVersion=1000");
    const silent = connect(second.port, "127.0.0.1");
    const cut = new Promise((resolve) => silent.once("close", resolve));
    await new Promise((resolve) => silent.once("connect", resolve));
    await second.close();
    expect(await nextLine(watch)).toBeUndefined();
    await cut;
    await other.close();
  });
});
