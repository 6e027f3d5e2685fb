import http from "node:http";
import type { AddressInfo } from "node:net";
import { ManualClock } from "@podwright/clock";
import { StatusError } from "@podwright/kube";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Client } from "./client.ts";
import type { ConnectionConfig, Credential } from "./connection-config.ts";
import { staticCredentials } from "./connection-config.ts";
import { HttpTransport, type HttpTransportOptions } from "./http-transport.ts";
import { configMaps, pods } from "./resources.ts";
import { json, refuse } from "./testing/faulty-server.ts";

let handle: (request: http.IncomingMessage, response: http.ServerResponse) => void;
let server: http.Server;
let connection: ConnectionConfig;
let transport: HttpTransport | undefined;

beforeEach(async () => {
  server = http.createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  connection = {
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    namespace: "default",
    tls: {},
    credentials: staticCredentials({}),
    headers: {},
  };
});

afterEach(async () => {
  await transport?.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function open(options: HttpTransportOptions = {}, config: Partial<ConnectionConfig> = {}): Client {
  transport = new HttpTransport({ ...connection, ...config }, options);
  return new Client(transport, { userAgent: "tester/1" });
}

async function bodyOf(request: http.IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

describe("a request", () => {
  test("has the server's base path, the body as JSON, and who asks", async () => {
    let seen: unknown;
    handle = async (request, response) => {
      const { method, url, headers } = request;
      seen = {
        line: `${method} ${url}`,
        accept: headers.accept,
        agent: headers["user-agent"],
        type: headers["content-type"],
        authorization: headers.authorization,
        impersonate: headers["impersonate-user"],
        body: JSON.parse(await bodyOf(request)),
      };
      json(response, 201, { ok: true });
    };
    const client = open(
      {},
      {
        server: `${connection.server}/k8s/clusters/c-1/`,
        credentials: staticCredentials({ authorization: "Bearer t" }),
        headers: { "Impersonate-User": "jane" },
      },
    );
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "ä", namespace: "default" } };
    await client.resource(configMaps).create(object, { fieldManager: "a b" });
    expect(seen).toEqual({
      line: "POST /k8s/clusters/c-1/api/v1/namespaces/default/configmaps?fieldManager=a%20b",
      accept: "application/json",
      agent: "tester/1",
      type: "application/json",
      authorization: "Bearer t",
      impersonate: "jane",
      body: object,
    });
  });

  test("keeps integers that a double cannot hold, both ways", async () => {
    handle = async (request, response) => {
      const text = await bodyOf(request);
      response.end(text === "" ? '{"n":9007199254740993,"s":"1234567890123456789"}' : text);
    };
    const client = open();
    const got = await client.request("GET", "/x");
    expect(got).toEqual({ n: 9007199254740993n, s: "1234567890123456789" });
    expect(await client.request("PUT", "/x", got as object)).toEqual(got);
  });

  test("without a server to answer it fails, telling what was asked", async () => {
    const client = open({}, { server: "http://127.0.0.1:1" });
    await expect(client.resource(pods).list()).rejects.toMatchObject({
      name: "TransportError",
      code: "ECONNREFUSED",
      method: "GET",
      path: "/api/v1/pods",
      message: "GET /api/v1/pods: connect ECONNREFUSED 127.0.0.1:1",
    });
  });

  test("answered with something other than JSON fails", async () => {
    handle = (_request, response) => response.end("<html>");
    await expect(open().request("GET", "/x")).rejects.toMatchObject({
      code: "EBADBODY",
      message: "GET /x: the answer is no JSON: <html>",
    });
  });

  test("whose answer is cut short fails", async () => {
    handle = (_request, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("{");
      setImmediate(() => response.destroy());
    };
    await expect(open().request("POST", "/x", {})).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("without an answer in time fails", async () => {
    handle = () => {};
    await expect(open({ responseTimeoutMs: 20 }).request("GET", "/x")).rejects.toMatchObject({ code: "ETIMEDOUT" });
  });

  test("whose answer stops in the middle fails", async () => {
    handle = (_request, response) => response.write("{");
    await expect(open({ responseTimeoutMs: 50 }).request("GET", "/x")).rejects.toMatchObject({ code: "ETIMEDOUT" });
  });

  test("that is aborted rejects with the reason, before and within the answer", async () => {
    const client = open();
    for (const begin of [false, true]) {
      const abort = new AbortController();
      handle = (_request, response) => {
        if (begin) response.write("{");
        setTimeout(() => abort.abort(new Error("enough")), 5);
      };
      await expect(client.request("GET", "/x", undefined, { signal: abort.signal })).rejects.toThrow("enough");
    }
  });

  test("after close fails, and close ends those under way", async () => {
    handle = () => {};
    const client = open();
    const waiting = expect(client.request("GET", "/x")).rejects.toMatchObject({ code: "ECLOSED" });
    await vi.waitFor(async () => expect(await connections()).toBe(1), { timeout: 20_000 });
    await client.close();
    await waiting;
    await expect(client.request("GET", "/x")).rejects.toMatchObject({ code: "ECLOSED" });
  });
});

describe("a refusal", () => {
  test("is the server's Status", async () => {
    handle = (_request, response) => refuse(response, 409, "Conflict");
    const error = await open()
      .request("GET", "/x")
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(StatusError);
    expect(error).toMatchObject({ code: 409, reason: "Conflict", message: "refused: Conflict" });
    expect((error as Error).cause).toEqual({ method: "GET", path: "/x" });
  });

  test.each([
    [404, "404 page not found\n", { code: 404, reason: "NotFound", message: "404 page not found" }],
    [502, "", { code: 502, reason: "InternalError", message: "the server answered GET /x with HTTP 502" }],
    [403, '{"no":"status"}', { code: 403, reason: "Forbidden", message: '{"no":"status"}' }],
  ])("of %i that is no Status becomes one", async (code, body, wanted) => {
    handle = (_request, response) => response.writeHead(code).end(body);
    await expect(open().request("GET", "/x")).rejects.toMatchObject(wanted);
  });
});

describe("tried again", () => {
  test.each([429, 503])("is a request answered %i with Retry-After, after that time", async (code) => {
    const clock = new ManualClock();
    let requests = 0;
    handle = (_request, response) => {
      if (++requests <= 2) refuse(response, code, "TooManyRequests", { "retry-after": "7" });
      else json(response, 200, { requests });
    };
    const answer = open({ clock }).request("POST", "/x", {});
    for (let i = 0; i < 2; i++) {
      await vi.waitFor(() => expect(clock.nextInMs).toBe(7000), { timeout: 20_000 });
      clock.advance(7000);
    }
    expect(await answer).toEqual({ requests: 3 });
  });

  test("is not for ever", async () => {
    let requests = 0;
    handle = (_request, response) => {
      requests++;
      refuse(response, 429, "TooManyRequests", { "retry-after": "0" });
    };
    await expect(open({ maxRetries: 3 }).request("GET", "/x")).rejects.toMatchObject({ code: 429 });
    expect(requests).toBe(4);
  });

  test("is not a request answered 429 without Retry-After (an eviction)", async () => {
    let requests = 0;
    handle = (_request, response) => {
      requests++;
      refuse(response, 429, "TooManyRequests");
    };
    await expect(open().request("POST", "/x", {})).rejects.toMatchObject({ code: 429 });
    expect(requests).toBe(1);
  });

  test("is a GET, and nothing else, whose kept-alive connection turns out to be dead", async () => {
    const seen: string[] = [];
    handle = (request, response) => {
      seen.push(`${request.method} ${request.url}`);
      if (request.url === "/break" && seen.filter((line) => line === seen.at(-1)).length === 1) {
        request.socket.destroy();
      } else json(response, 200, {});
    };
    const client = open();
    await client.request("GET", "/warm");
    await client.request("GET", "/break");
    expect(seen).toEqual(["GET /warm", "GET /break", "GET /break"]);
    await expect(client.request("POST", "/break", {})).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(seen.at(-1)).toBe("POST /break");
    expect(seen).toHaveLength(4);
  });

  test("is a request answered 401, once, when there are other credentials", async () => {
    let credential: Credential = { authorization: "Bearer old" };
    const seen: (string | undefined)[] = [];
    handle = (request, response) => {
      seen.push(request.headers.authorization);
      if (request.headers.authorization === "Bearer new") json(response, 200, { ok: true });
      else refuse(response, 401, "Unauthorized");
    };
    const credentials = {
      current: () => credential,
      async rejected() {
        credential = { authorization: "Bearer new" };
        return true;
      },
    };
    expect(await open({}, { credentials }).request("GET", "/x")).toEqual({ ok: true });
    expect(seen).toEqual(["Bearer old", "Bearer new"]);
  });
});

test("a hundred watches do not make requests wait", async () => {
  handle = (request, response) => {
    if (request.url?.includes("watch=1")) response.writeHead(200).flushHeaders();
    else json(response, 200, { kind: "Pod", metadata: { name: "p" } });
  };
  const client = open({ maxConnections: 2 });
  const abort = new AbortController();
  const watches = Array.from({ length: 100 }, async () => {
    for await (const _event of client.resource(pods).watch({ signal: abort.signal }));
  });
  await vi.waitFor(async () => expect(await connections()).toBe(100), { timeout: 20_000 });
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.resource(pods).get("p", "default")));
  expect(answers).toHaveLength(20);
  expect(await connections()).toBe(102);
  abort.abort(new Error("enough"));
  for (const outcome of await Promise.allSettled(watches))
    expect(outcome).toMatchObject({ reason: { message: "enough" } });
});

test("a reader that leaves a watch closes its connection", async () => {
  handle = (_request, response) => response.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n');
  for await (const event of open().resource(pods).watch()) {
    expect(event.object.metadata.name).toBe("a");
    break;
  }
  await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: 20_000 });
});

test("a watch that is refused throws the Status", async () => {
  handle = (_request, response) => refuse(response, 403, "Forbidden");
  await expect(open().resource(pods).watch().next()).rejects.toMatchObject({ code: 403 });
});

test("warnings of the server are handed on", async () => {
  handle = (_request, response) => {
    response.setHeader("warning", ['299 - "unknown field \\"spec.x\\""', '299 - "old version"']);
    json(response, 200, {});
  };
  const warnings: string[] = [];
  transport = new HttpTransport(connection);
  await new Client(transport, { onWarning: (text) => warnings.push(text) }).request("GET", "/x");
  expect(warnings).toEqual(['unknown field "spec.x"', "old version"]);
});

function connections(): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}
