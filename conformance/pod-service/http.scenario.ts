import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, HttpTransport, loadKubeconfig, namespaces, serviceAccounts, tenants } from "@podwright/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parse, stringify } from "yaml";
import { run } from "../kubectl.ts";
import { type Lane, laneHelm, openLane } from "../lane.ts";
import { makeTenant, shellPod, startService, type TestService } from "./service-lane.ts";

const chart = fileURLToPath(new URL("../../charts/podwright", import.meta.url));

let lane: Lane;
let at: TestService;
beforeAll(async () => {
  lane = await openLane({ operator: false });
  at = await startService(lane, { instance: `http-${Date.now()}`, bodyLimitBytes: 2_000 });
});
afterAll(async () => {
  await at?.service.stop();
  await lane?.close();
});

test("OpenAPI 3.1, a page to try it, health and metrics that name no tenant", async () => {
  const { body } = await at.call("GET", "/openapi.json", { token: "" });
  expect(body).toMatchObject({ openapi: "3.1.0", paths: { "/pods/{name}/events": {}, "/service/v1/pods": {} } });
  expect(await at.call("GET", "/docs", { token: "" })).toMatchObject({
    status: 200,
    body: expect.stringContaining("swagger"),
  });
  expect(await at.call("GET", "/healthz", { token: "" })).toMatchObject({ status: 200 });
  const metrics = await at.call("GET", "/metrics", { token: "" });
  expect(metrics.body).toContain("podwright_pod_service_requests_total");
  expect(metrics.body).not.toMatch(/tenant="/);
});

test("what is too large, of another type, or elsewhere", async () => {
  const large = await at.call("POST", "/pods", { body: { tenant: "a", cmd: "x".repeat(3_000) } });
  expect(large).toMatchObject({
    status: 413,
    body: { code: "too_large", error: expect.any(String), instance: "/pods" },
  });
  const text = await at.call("POST", "/pods", { body: "hello", headers: { "content-type": "text/plain" } });
  expect(text).toMatchObject({ status: 415, body: { code: "unsupported_media_type" } });
  expect(await at.call("POST", "/pods", { body: "{" })).toMatchObject({ status: 400 });
  expect(await at.call("POST", "/pods", { body: '{"__proto__": {"tenant": "a"}}' })).toMatchObject({ status: 400 });
  const method = await at.call("PUT", "/pods/x");
  expect([method.status, method.headers.get("allow")]).toEqual([405, "GET, DELETE"]);
  // Before anything of a request is looked at.
  expect(await at.call("POST", "/pods", { body: "{", token: "" })).toMatchObject({ status: 401 });
  expect(await at.call("GET", "/pods?limit=0", { headers: { moopkey: "wrong" } })).toMatchObject({ status: 401 });
  expect(await at.call("GET", "/admin")).toMatchObject({ status: 404, body: { code: "not_found" } });
  expect(await at.call("GET", `/pods?tenant=a&cursor=${"x".repeat(3_000)}`)).toMatchObject({ status: 400 });
  const headers = await at.call("GET", "/pods", { headers: { "x-large": "x".repeat(20_000) } });
  expect(headers).toMatchObject({ status: 431, body: { code: "header_too_large" } });
});

test("more requests a second than a caller may send", async () => {
  const limited = await startService(lane, { instance: `rate-${Date.now()}`, rateLimit: 50 });
  const many = await Promise.all(Array.from({ length: 200 }, () => limited.call("GET", "/pods?tenant=none")));
  const refused = many.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused[0]).toMatchObject({ body: { code: "rate_limited" } });
  expect(refused[0]?.headers.get("retry-after")).toBe("1");
  await limited.service.stop();
});

test("no CORS unless it is asked for", async () => {
  const origin = { origin: "https://example.com" };
  expect((await at.call("GET", "/healthz", { headers: origin })).headers.get("access-control-allow-origin")).toBeNull();
  const open = await startService(lane, { instance: `cors-${Date.now()}`, corsOrigins: ["https://example.com"] });
  expect((await open.call("GET", "/healthz", { headers: origin })).headers.get("access-control-allow-origin")).toBe(
    "https://example.com",
  );
  await open.service.stop();
});

test("each request is a line of JSON in the log, with its id and its tenant", async () => {
  const { headers } = await at.call("GET", "/pods?tenant=logged&name=x", { headers: { "x-request-id": "my-1" } });
  expect(headers.get("x-request-id")).toBe("my-1");
  const lines = at.log.map((line) => JSON.parse(line));
  expect(lines).toContainEqual(expect.objectContaining({ reqId: "my-1", method: "GET", path: "/pods", status: 404 }));
});

test("a service that stops ends what is open, and takes nothing new", async () => {
  const draining = await startService(lane, { instance: `drain-${Date.now()}` });
  const tenant = await lane.namespace("drain");
  await makeTenant(lane, tenant, {
    namespace: tenant,
    templates: { pod: shellPod({ nodeSelector: { no: "where" } }) },
  });
  const { body } = await draining.call("POST", "/pods", { body: { tenant, cmd: "x" } });
  const waiting = draining.call("GET", `/pods/${body.metadata.name}?tenant=${tenant}&wait=completed&timeout=300`);
  const stream = draining.call("GET", `/pods/${body.metadata.name}/events?tenant=${tenant}`);
  await vi.waitFor(
    async () => expect((await draining.call("GET", "/metrics")).body).toContain("podwright_pod_service_streams 1"),
    { timeout: 20_000 },
  );
  await draining.service.stop();
  expect(await waiting).toMatchObject({ status: 200, body: { run: { phase: "Pending" } } });
  expect((await stream).body).toContain("event: state\n");
  await expect(draining.call("GET", "/readyz")).rejects.toThrow();
});

test("the chart's account may do all that the service does", async () => {
  const folder = await mkdtemp(join(tmpdir(), "podwright-chart-"));
  const namespace = await lane.namespace("chart");
  const helm = async (...args: string[]) => {
    const ran = await run(await laneHelm(), [...args, "--kubeconfig", lane.kubeconfig, "-n", namespace]);
    expect(ran, `helm ${args.join(" ")}`).toEqual({ ...ran, code: 0 });
  };
  const name = `pods-${Date.now()}`;
  await helm("install", name, chart, "--set", "podService.enabled=true,replicas=0");
  const account = `${name}-podwright-pods`;
  const { status } = (await lane.client.resource(serviceAccounts).createSubresource(account, namespace, "token", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {},
  })) as unknown as { status: { token: string } };
  const config = parse(await readFile(lane.kubeconfig, "utf8"));
  const kubeconfig = join(folder, "kubeconfig");
  const users = config.users.map((user: { name: string }) => ({ name: user.name, user: { token: status.token } }));
  await writeFile(kubeconfig, stringify({ ...config, users }), { mode: 0o600 });
  const client = new Client(new HttpTransport(loadKubeconfig({ path: kubeconfig })));
  const limited = await startService({ ...lane, client }, { instance: name });
  try {
    await makeTenant(lane, name, {
      createNamespace: true,
      templates: { pod: shellPod() },
      quota: { hard: { pods: "5" } },
    });
    const made = await limited.call("POST", "/pods?wait=completed", {
      body: { tenant: name, cmd: "echo x" },
    });
    expect(made).toMatchObject({ status: 201, body: { run: { phase: "Succeeded" } } });
    const path = `/pods/${made.body.metadata.name}`;
    expect(await limited.call("GET", `${path}/log?tenant=${name}`)).toMatchObject({ status: 200 });
    expect(await limited.call("GET", `${path}/events?tenant=${name}`)).toMatchObject({ status: 200 });
    expect(await limited.call("DELETE", `${path}?tenant=${name}`)).toMatchObject({ status: 200 });
    expect(limited.log.filter((line) => line.includes("forbidden"))).toEqual([]);
  } finally {
    await limited.service.stop();
    await client.close();
    await lane.client.resource(tenants).delete(name);
    await lane.client.resource(namespaces).delete(name);
    await helm("uninstall", name);
    await rm(folder, { recursive: true, force: true });
  }
}, 90_000);
