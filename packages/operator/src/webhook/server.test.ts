import { once } from "node:events";
import https from "node:https";
import { connect as connectPlain } from "node:net";
import { connect } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createServingCertificate } from "./certificate.ts";
import { type AdmissionHandler, serveWebhooks, type WebhookServer } from "./server.ts";

let certificate = createServingCertificate(["127.0.0.1"]);
let server: WebhookServer;
let errors: unknown[];

const handlers: Record<string, AdmissionHandler> = {
  "/allow": () => ({ allowed: true }),
  "/patch": () => ({ allowed: true, warnings: ["careful"], patch: [{ op: "add", path: "/a", value: "ü" }] }),
  "/empty-patch": () => ({ allowed: true, patch: [] }),
  "/throw": () => {
    throw new Error("it broke");
  },
  "/reject": () => Promise.reject("no error at all"),
};

beforeEach(async () => {
  errors = [];
  certificate = createServingCertificate(["127.0.0.1"]);
  server = await serveWebhooks({ handlers, certificate, host: "127.0.0.1", port: 0, onError: (e) => errors.push(e) });
});
afterEach(() => server.close());

interface Answer {
  status: number;
  body: unknown;
}

function send(
  path: string,
  body: string | Buffer = "",
  options: { method?: string; ca?: string; agent?: https.Agent } = {},
): Promise<Answer> {
  const { method = "POST", ca = certificate.caCertificate, agent } = options;
  return new Promise((resolve, reject) => {
    const request = https.request(
      { host: "127.0.0.1", port: server.port, path, method, ca, agent: agent ?? false },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: jsonOf(text) }));
      },
    );
    request.on("error", reject);
    if (method === "GET" || method === "HEAD") request.end();
    else request.end(body);
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const review = (request: object = { uid: "u", operation: "CREATE" }) =>
  JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request });

const answered = (response: object) => ({
  status: 200,
  body: { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: { uid: "u", ...response } },
});

describe("a review", () => {
  test("is answered with its uid, and the patch in base64", async () => {
    expect(await send("/allow", review())).toEqual(answered({ allowed: true }));
    expect(await send("/allow?timeout=10s", review())).toEqual(answered({ allowed: true }));
    const patch = Buffer.from('[{"op":"add","path":"/a","value":"ü"}]').toString("base64");
    expect(await send("/patch", review())).toEqual(
      answered({ allowed: true, warnings: ["careful"], patchType: "JSONPatch", patch }),
    );
    expect(await send("/empty-patch", review())).toEqual(answered({ allowed: true }));
  });

  test.each(
    [
      "",
      "garbage",
      "null",
      "[]",
      "1",
      '{"kind":"AdmissionReview"',
      '{"kind":"AdmissionReview"}',
      '{"kind":"AdmissionReview","request":null}',
      '{"kind":"AdmissionReview","request":{"uid":1}}',
      '{"kind":"Pod","request":{"uid":"u"}}',
      '{"a":'.repeat(100_000),
      "[".repeat(100_000),
    ].map((body) => [body.slice(0, 50), body]),
  )("%j is none: 400", async (_, body) => {
    expect(await send("/allow", body as string)).toEqual({
      status: 400,
      body: { message: "the body is not an AdmissionReview" },
    });
    expect(errors).toEqual([]);
  });

  test("of more than 7 MiB is refused; of less it is read", async () => {
    const large = (mebibytes: number) => review({ uid: "u", operation: "CREATE", object: "x".repeat(mebibytes << 20) });
    expect(await send("/allow", large(6))).toEqual(answered({ allowed: true }));
    // The connection is closed while the rest is on its way: the answer may be lost.
    const refused = await send("/allow", large(50)).catch((error) => ({ status: error.code, body: undefined }));
    expect(refused.status).toBeOneOf([413, "ECONNRESET", "EPIPE"]);
    expect(await send("/allow", review())).toEqual(answered({ allowed: true }));
  });

  test("whose handler throws is answered 500, and the error told", async () => {
    expect(await send("/throw", review())).toEqual({ status: 500, body: { message: "it broke" } });
    expect(await send("/reject", review())).toEqual({ status: 500, body: { message: "failed" } });
    expect(errors).toEqual([new Error("it broke"), "no error at all"]);
    expect(await send("/allow", review())).toEqual(answered({ allowed: true }));
  });
});

test.each(["/", "/zork", "/allow/", "/__proto__", "/constructor", "//allow"])("nothing is at %s", async (path) => {
  expect(await send(path, review())).toEqual({ status: 404, body: { message: `no webhook at ${path}` } });
});

test.each(["GET", "PUT", "DELETE", "PATCH"])("%s is no way to send a review", async (method) => {
  expect(await send("/allow", review(), { method })).toEqual({
    status: 405,
    body: { message: "admission reviews are sent by POST" },
  });
});

test("health is answered", async () => {
  for (const path of ["/healthz", "/readyz", "/healthz?verbose"]) {
    expect(await send(path, "", { method: "GET" })).toEqual({ status: 200, body: "ok" });
  }
});

test("a new certificate is for new connections; open ones go on", async () => {
  const old = certificate;
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: old.caCertificate });
  expect((await send("/allow", review(), { agent })).status).toBe(200);

  const next = createServingCertificate(["127.0.0.1"]);
  server.setCertificate(next);
  expect((await send("/allow", review(), { agent })).status).toBe(200);
  expect((await send("/allow", review(), { ca: next.caCertificate })).status).toBe(200);
  await expect(send("/allow", review(), { ca: old.caCertificate })).rejects.toThrow(/certificate/);
  // As the API server trusts both while they change over.
  const both = old.caCertificate + next.caCertificate;
  expect((await send("/allow", review(), { ca: both })).status).toBe(200);
  agent.destroy();
});

test("clients that leave in the middle of a review trouble nobody", async () => {
  for (const text of ["POST /allow", "POST /allow HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "\0\r\n\r\n"]) {
    const socket = connect({ host: "127.0.0.1", port: server.port, ca: certificate.caCertificate });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    await new Promise((resolve) => socket.write(text, resolve));
    socket.destroy();
  }
  expect(await send("/allow", review())).toEqual(answered({ allowed: true }));
  expect(errors).toEqual([]);
});

test("closing ends open connections", async () => {
  const socket = connect({ host: "127.0.0.1", port: server.port, ca: certificate.caCertificate });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  const silent = connectPlain({ host: "127.0.0.1", port: server.port });
  silent.on("error", () => {});
  await once(silent, "connect");
  const closed = Promise.all([once(socket.resume(), "close"), once(silent.resume(), "close")]);
  await server.close();
  await closed;
});
