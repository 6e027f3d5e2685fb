import { createCertificateAuthority } from "@podwright/pki";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configMaps, openTarget, type Target, titled } from "./target.ts";

let target: Target;
beforeAll(async () => {
  target = await openTarget();
});
afterAll(async () => {
  await target.stop();
  expect(target.faults).toEqual([]);
});

const get = (path: string, headers: Record<string, string> = {}) => target.send({ method: "GET", path, headers });
const token = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const v1 = "meta.k8s.io/v1";

describe("queries", () => {
  test.each(
    (
      [
        ["labelSelector=!!", 400],
        ["labelSelector=a%20in%20(", 400],
        ["labelSelector=a=b=c", 400],
        [`labelSelector=${"a".repeat(300)}`, 400],
        ["fieldSelector=a", 400],
        ["fieldSelector=zork=1", 400],
        ["fieldSelector=__proto__=1", 400],
        ["fieldSelector=metadata.name%3E1", 400],
        ["limit=x", 400],
        ["limit=", 400],
        ["limit=1.5", 400],
        ["limit=99999999999999999999", 400],
        ["continue=zzz", 400],
        [`continue=${token({})}`, 400],
        [`continue=${token({ v: v1, rv: "1", start: "a" })}`, 400],
        [`continue=${token({ v: v1, rv: 1e300, start: "a" })}`, 400],
        [`continue=${token({ v: v1, rv: 1, start: "" })}`, 400],
        [`continue=${token({ v: v1, rv: 1, start: "../../secrets" })}`, 400],
        ["resourceVersion=x", 400],
        ["resourceVersion=-1", 400],
        ["resourceVersion=1e3", 400],
        ["resourceVersion=99999999999999999999999", 400],
        ["resourceVersionMatch=x", 422],
        ["resourceVersionMatch=Exact", 422],
        ["resourceVersionMatch=Exact&resourceVersion=0", 422],
        ["sendInitialEvents=true", 422],
        ["timeoutSeconds=x", 400],
        ["timeout=x", 400],
        ["watch=1&timeoutSeconds=x", 400],
        ["watch=1&sendInitialEvents=true", 422],
        ["watch=1&resourceVersionMatch=NotOlderThan", 422],
        ["watch=1&labelSelector=!!", 400],
        ["watch=1&fieldSelector=zork=1", 400],
      ] as [string, number][]
    ).map(([query, code]) => titled(query, code)),
  )("list and watch: ?%s", async (_, query, code) => {
    expect((await target.refused({ method: "GET", path: `${configMaps}?${query}` })).code).toBe(code);
  });

  test.each(
    (
      [
        ["dryRun=x", 422],
        ["fieldValidation=x", 422],
        [`fieldManager=${"x".repeat(200)}`, 422],
        ["fieldManager=%00", 422],
        ["timeout=1y", 400],
      ] as [string, number][]
    ).map(([query, code]) => titled(query, code)),
  )("create: ?%s", async (_, query, code) => {
    const body = '{"metadata":{"name":"x"}}';
    expect((await target.refused({ method: "POST", path: `${configMaps}?${query}`, body })).code).toBe(code);
  });

  test.each(["gracePeriodSeconds=x", "propagationPolicy=x", "dryRun=x"])("delete: ?%s", async (query) => {
    await target.refused({ method: "DELETE", path: `${configMaps}/kube-root-ca.crt?${query}` });
  });

  test("any values, in any parameters, are answered without a fault", async () => {
    const names = ["labelSelector", "fieldSelector", "continue", "resourceVersion", "resourceVersionMatch", "limit"];
    const parameter = fc.tuple(fc.constantFrom(...names, "__proto__", "pretty"), fc.string({ maxLength: 20 }));
    await fc.assert(
      fc.asyncProperty(fc.array(parameter, { maxLength: 4 }), async (parameters) => {
        const query = new URLSearchParams(parameters);
        // Versions yet to come are waited for.
        if (/^\d{2,}$/.test(query.get("resourceVersion") ?? "")) return;
        expect((await get(`${configMaps}?${query}`)).status).toBeLessThan(500);
      }),
      { numRuns: 200 },
    );
  });
});

describe("paths", () => {
  test.each(
    [
      "/api/v1/zork",
      "/api/v2/pods",
      "/apis/apps/v9/deployments",
      "/apis/apps/v1/zork",
      "/apis/apps/v1/deployments/x",
      "/api/v1/namespaces/default/nodes",
      "/api/v1/namespaces/default/pods/p/zork",
      "/api/v1/namespaces/default/configmaps/p/status",
      "/api/v1/namespaces/default/__proto__",
      "/api/v1/namespaces/default/constructor/x",
      "/apis/apps/__proto__/x",
      "/api/v1/namespaces/__proto__/configmaps/x",
      "/api/v1/namespaces/default/configmaps/a%2fb",
      "/api/v1/namespaces/default%2fconfigmaps/pods/x",
      "/api/v1/namespaces/default/configmaps/%ff",
      "/api/v1/namespaces/default/configmaps/%00",
      `/api/v1/namespaces/default/configmaps/${"a".repeat(9000)}`,
      `/api/v1/namespaces/default/pods/${"a/".repeat(3000)}`,
      "http://other.example/api/v1/namespaces/default/configmaps/none",
    ].map((path) => titled(path)),
  )("%s is not found", async (_, path) => {
    for (const method of ["GET", "DELETE"]) {
      expect((await target.refused({ method, path })).code).toBeOneOf([404, 405]);
    }
  });

  test.each([".", "..", "%2e%2e", "a%25b"])("the name %s", async (name) => {
    for (const method of ["GET", "DELETE"]) {
      expect(await target.refused({ method, path: `${configMaps}/${name}` })).toMatchObject({
        code: 400,
        message: expect.stringMatching(/^Name parameter invalid: ".*": may not /),
      });
    }
  });

  test.each(["/zork", "/openapi/v3/zork", "/apis/zork/v1/x", "//api/v1/pods", "/healthz/zork"])(
    "%s is nothing that is served",
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );

  test("a path that is no path is answered as Go's server answers", async () => {
    for (const path of [`${configMaps}/%zz`, "/%", "/api/%e"]) {
      expect(await get(path)).toMatchObject({ status: 400, body: "400 Bad Request" });
    }
  });

  test("any path is answered without a fault", async () => {
    const segment = fc.oneof(
      fc.constantFrom("api", "apis", "v1", "apps", "namespaces", "default", "pods", "status", "watch", "..", "", "%2F"),
      fc.string({ maxLength: 6 }).map(encodeURIComponent),
    );
    const methods = fc.constantFrom("GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "PROPFIND");
    await fc.assert(
      fc.asyncProperty(methods, fc.array(segment, { maxLength: 8 }), async (method, segments) => {
        const path = `/${segments.join("/")}?timeoutSeconds=1&dryRun=All`;
        // What would be a watch goes on.
        if (segments.includes("watch")) return;
        expect((await target.send({ method, path, body: method === "GET" ? "" : "[" })).status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  });
});

describe("methods", () => {
  test.each(["OPTIONS", "TRACE", "PROPFIND", "PURGE", "LINK"])("%s", async (method) => {
    for (const path of [configMaps, `${configMaps}/kube-root-ca.crt`]) {
      expect(await target.refused({ method, path })).toMatchObject({
        code: 405,
        message: "the server does not allow this method on the requested resource",
      });
    }
  });

  test("where they do not belong", async () => {
    const body = "{}";
    for (const [method, path] of [
      ["PUT", configMaps],
      ["PATCH", configMaps],
      ["POST", `${configMaps}/x`],
      ["DELETE", "/api/v1/configmaps"],
    ] as const) {
      expect((await target.refused({ method, path, body })).code).toBe(405);
    }
  });
});

describe("who asks", () => {
  const unauthorized = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "Unauthorized",
    reason: "Unauthorized",
    code: 401,
  };
  const paths = [configMaps, "/version", "/zork", "/api"];

  test.each(["zork", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "x".repeat(5000)].map((token) => titled(token)))(
    "the token %s",
    async (_, value) => {
      for (const path of paths) {
        const headers = { authorization: `Bearer ${value}` };
        const { status, body } = await target.send({ method: "GET", path, headers, credentials: {} });
        expect({ status, body }).toEqual({ status: 401, body: unauthorized });
      }
    },
  );

  test("a service account token with another signature", async () => {
    const path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    const made = await target.send({ method: "POST", path, body: "{}" });
    const good = (made.body as { status: { token: string } }).status.token;
    const asked = (value: string) =>
      target.send({
        method: "GET",
        path: "/version",
        headers: { authorization: `Bearer ${value}` },
        credentials: {},
      });
    expect((await asked(good)).status).toBe(200);
    const [header, claims, signature] = good.split(".") as [string, string, string];
    const other = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, "base64url").toString()), exp: 9e9 }));
    for (const forged of [
      `${header}.${claims}.${signature.split("").reverse().join("")}`,
      `${header}.${other.toString("base64url")}.${signature}`,
      `${header}.${claims}.`,
      `${Buffer.from('{"alg":"none"}').toString("base64url")}.${claims}.`,
      `${Buffer.from('{"alg":"HS256"}').toString("base64url")}.${claims}.${signature}`,
    ]) {
      expect(await asked(forged)).toMatchObject({ status: 401, body: unauthorized });
    }
  });

  test("a certificate that another authority signed, even for the same user", async () => {
    const stranger = createCertificateAuthority("stranger", Date.now());
    const { key, cert } = stranger.issue({
      commonName: "kubernetes-admin",
      organizations: ["system:masters"],
      usage: "client",
    });
    for (const path of paths) {
      const { status, body } = await target.send({ method: "GET", path, credentials: { key, cert } });
      expect({ status, body }).toEqual({ status: 401, body: unauthorized });
    }
  });

  test("nobody, and schemes that are not known, are anonymous", async () => {
    for (const authorization of [undefined, "Basic YTpi", "zork", "Bearer "]) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const { status, body } = await target.send({ method: "GET", path: configMaps, headers, credentials: {} });
      expect({ status, message: (body as { message: string }).message }).toEqual({
        status: 403,
        message:
          'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" in the namespace "default"',
      });
    }
  });
});

test.each(
  ["text/html", "application/zork", ";;", "application/json;as=Table;v=v9;g=meta.k8s.io", "x".repeat(5000)].map(
    (type) => titled(type),
  ),
)("Accept: %s", async (_, accept) => {
  expect((await target.refused({ method: "GET", path: configMaps, headers: { accept } })).code).toBe(406);
});

test("headers that are no headers, and too many of them", async () => {
  expect((await get(configMaps, { "x-large": "x".repeat(500_000) })).status).toBe(200);
  // The connection is closed while it is being sent: the answer may be lost on the way.
  const huge = await get(configMaps, { "x-huge": "x".repeat(2_000_000) }).catch(() => undefined);
  expect(huge?.status ?? 431).toBe(431);
  expect((await get(configMaps)).status).toBe(200);
});
