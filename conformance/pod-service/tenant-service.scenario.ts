import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";
import { shellPod, startService, startTenantService, type TenantService, type TestService } from "./service-lane.ts";

let lane: Lane;
let at: TestService;
let service: TenantService;
let namespace: string;
const id = "5d7c0a1e9b2f4c0012345678";
beforeAll(async () => {
  lane = await openLane({ operator: false });
  service = await startTenantService();
  namespace = await lane.namespace("tenants");
});
afterAll(async () => {
  await service?.stop();
  await lane?.close();
});
beforeEach(async () => {
  // A new one each time: a service that failed is left alone for a while.
  at = await startService(lane, { instance: `tenants-${Date.now()}`, tenantServiceUrl: service.url });
  return () => at.service.stop();
});

const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const tenant = () => ({ id, namespace, resources: { templates: { pod: shellPod() } }, tokens: [{ sha256: digest }] });
const ask = () => at.call("POST", "/service/v1/pods", { body: { tenant: id, cmd: "echo hi" } });

test("upstream's tenants and templates work; names get the tenant's id", async () => {
  await service.behave({ tenants: { [id]: tenant() } });
  const made = await ask();
  expect(made).toMatchObject({
    status: 201,
    body: { metadata: { name: expect.stringMatching(`^pod-${id}-`), namespace } },
  });
  // Upstream answered with Python's names.
  expect(made.body.metadata.creation_timestamp).toBe(made.body.metadata.creationTimestamp);
  const { name } = made.body.metadata;
  expect(await at.call("GET", `/service/v1/pods?tenant=${id}&name=${name}&wait=completed`)).toMatchObject({
    status: 200,
    body: { metadata: { name } },
  });
  expect(await at.call("DELETE", `/service/v1/pods?tenant=${id}&name=${name}`)).toMatchObject({ status: 200 });
});

test("the third argument is the command, where upstream's template does not say where it goes", async () => {
  const template = {
    ...shellPod(),
    spec: { restartPolicy: "Never", containers: [{ name: "m", image: "i", args: ["/bin/sh", "-c", "true"] }] },
  };
  await service.behave({ tenants: { [id]: { ...tenant(), resources: { templates: { pod: template } } } } });
  expect((await ask()).body.spec.containers[0].args).toEqual(["/bin/sh", "-c", "echo hi"]);
});

test.each([
  ["error", 502, "tenant_service_failed"],
  ["reset", 502, "tenant_service_failed"],
  ["garbage", 502, "tenant_service_failed"],
  ["shape", 502, "tenant_service_failed"],
  ["slow", 504, "tenant_service_timeout"],
])("a tenant service that is in the mode %s: %d", async (mode, status, code) => {
  await service.behave({ tenants: { [id]: tenant() }, mode });
  expect(await ask()).toMatchObject({ status, body: { code, error: expect.any(String) } });
});

test("a tenant that it does not know", async () => {
  await service.behave({ tenants: {} });
  expect(await ask()).toMatchObject({ status: 404, body: { code: "not_found" } });
});

test("one that keeps failing is left alone, and asked again after a while", async () => {
  await service.behave({ tenants: { [id]: tenant() }, mode: "error" });
  for (let i = 0; i < 20; i++) await ask();
  const asked = await service.behave({ tenants: { [id]: tenant() } });
  expect(asked).toBeGreaterThanOrEqual(5);
  expect(asked).toBeLessThan(15);
  await vi.waitFor(async () => expect(await ask()).toMatchObject({ status: 201 }), { timeout: 25_000, interval: 200 });
});

test("answers are used again for as long as their headers say, and no longer; never when asking again fails", async () => {
  await service.behave({ tenants: { [id]: tenant() } });
  await ask();
  await ask();
  expect(await service.behave({ tenants: { [id]: tenant() }, headers: { "cache-control": "max-age=2" } })).toBe(2);
  await ask();
  await ask();
  await ask();
  expect(await service.behave({ tenants: {}, mode: "error" })).toBe(1);
  await vi.waitFor(async () => expect(await ask()).toMatchObject({ status: 502 }), { timeout: 25_000, interval: 200 });
  await service.behave({ tenants: { [id]: tenant() }, headers: { etag: '"1"' } });
  await vi.waitFor(async () => expect(await ask()).toMatchObject({ status: 201 }), { timeout: 25_000, interval: 200 });
  expect(await ask()).toMatchObject({ status: 201 });
});

test("tokens of a tenant service are hashes; without a valid one nobody learns which tenants there are", async () => {
  await service.behave({ tenants: { [id]: tenant() } });
  const get = (tenantId: string, token: string) => at.call("GET", `/pods?tenant=${tenantId}`, { token });
  expect(await get(id, "test")).toMatchObject({ status: 200 });
  const [known, unknown] = [await get(id, "wrong"), await get("unknown", "test")];
  expect(known.status).toBe(401);
  expect(unknown.body).toEqual(known.body);
});

test.each(["../admin", "a/b", "a%2e%2e", "", "x".repeat(64), "a b"])("the tenant id %j is no id", async (bad) => {
  await service.behave({ tenants: { [id]: tenant() } });
  expect(await at.call("POST", "/pods", { body: { tenant: bad, cmd: "x" } })).toMatchObject({
    status: 400,
    body: { errors: [{ field: "tenant" }] },
  });
  expect(await service.behave({ tenants: {} })).toBe(0);
});
