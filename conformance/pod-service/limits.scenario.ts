import { limitRanges, namespaces, networkPolicies, pods, resourceQuotas, secrets, tenants } from "@podwright/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";
import { makeTenant, shellPod, startService, type TestService, waiting } from "./service-lane.ts";

let lane: Lane;
let at: TestService;
beforeAll(async () => {
  lane = await openLane({ operator: false });
  at = await startService(lane, { instance: `limits-${Date.now()}` });
});
afterAll(async () => {
  await at?.service.stop();
  await lane?.close();
});

const runs = async (tenant: string, query = "") => (await at.call("GET", `/pods?tenant=${tenant}${query}`)).body.items;

/** A pod that no node has room for: it stays as it is until it is deleted. */
const stuck = () => shellPod({ nodeSelector: { nowhere: "yes" } });

test("where a tenant's limit is reached runs wait in order, and start as others end; a full queue is 429", async () => {
  const tenant = await lane.namespace("limit");
  await makeTenant(lane, tenant, { namespace: tenant, templates: { pod: stuck() }, limits: { runs: 1, queue: 2 } });
  const ask = (cmd: string) => at.call("POST", "/pods", { body: { tenant, cmd } });
  const first = await ask("first");
  expect(first.status).toBe(201);
  const second = await ask("second");
  expect(second).toMatchObject({
    status: 202,
    body: { metadata: { name: expect.any(String) }, run: { phase: "Queued", position: 1, reason: "Limit" } },
  });
  expect(second.headers.get("location")).toContain(second.body.metadata.name);
  const third = await ask("third");
  expect(third).toMatchObject({ status: 202, body: { run: { position: 2 } } });
  const fourth = await ask("fourth");
  expect(fourth).toMatchObject({ status: 429, body: { code: "queue_full" } });
  expect(Number(fourth.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await runs(tenant, "&state=queued")).map((run: { position: number }) => run.position)).toEqual([2, 1]);

  expect(await at.call("DELETE", `${first.headers.get("location")}&grace=0`)).toMatchObject({ status: 200 });
  const started = await at.call("GET", `${second.headers.get("location")}&wait=created`);
  expect(started).toMatchObject({ status: 200, body: { run: { phase: "Pending" } } });
  expect((await at.call("GET", third.headers.get("location") as string)).body.run).toMatchObject({
    phase: "Queued",
    position: 1,
  });
  // What waits can be taken out of the line.
  expect(await at.call("DELETE", third.headers.get("location") as string)).toMatchObject({
    status: 200,
    body: { run: { phase: "Deleted" } },
  });
  expect((await at.call("GET", third.headers.get("location") as string)).body.run).toMatchObject({ phase: "Deleted" });
});

test("tenants with runs that wait get their share each", async () => {
  const shared = await startService(lane, { instance: `share-${Date.now()}`, maxRuns: 2 });
  const names = [await lane.namespace("share-a"), await lane.namespace("share-b")];
  try {
    for (const name of names) await makeTenant(lane, name, { namespace: name, templates: { pod: stuck() } });
    const [greedy, modest] = names as [string, string];
    const made: string[] = [];
    for (let i = 0; i < 6; i++)
      made.push(
        (await shared.call("POST", "/pods", { body: { tenant: greedy, cmd: `${i}` } })).headers.get(
          "location",
        ) as string,
      );
    const late = await shared.call("POST", "/pods", { body: { tenant: modest, cmd: "late" } });
    expect(late.status).toBe(202);
    await shared.call("DELETE", `${made[0]}&grace=0`);
    // The one who has nothing goes first, though others have waited longer.
    expect((await shared.call("GET", `${late.headers.get("location")}&wait=created`)).body.run).toMatchObject({
      phase: "Pending",
    });
    expect((await shared.call("GET", made[2] as string)).body.run.phase).toBe("Queued");
  } finally {
    await shared.service.stop();
  }
});

test("a tenant gets its namespace with quota, limits and a policy that denies; over the quota runs wait", async () => {
  const tenant = `${await lane.namespace("equip")}-own`;
  await makeTenant(lane, tenant, {
    createNamespace: true,
    templates: { pod: stuck() },
    quota: { hard: { pods: "1" } },
    limitRange: { limits: [{ type: "Container", defaultRequest: { cpu: "10m" }, default: { memory: "64Mi" } }] },
  });
  try {
    const { client } = lane;
    expect(await client.resource(namespaces).get(tenant)).toMatchObject({
      metadata: { labels: { "podwright.dev/tenant": tenant } },
    });
    expect(await client.resource(resourceQuotas).get("podwright-tenant", tenant)).toMatchObject({
      spec: { hard: { pods: "1" } },
    });
    expect(
      (await client.resource(limitRanges).get("podwright-tenant", tenant))["spec"].limits[0].defaultRequest,
    ).toEqual({
      cpu: "10m",
      memory: "64Mi",
    });
    expect(await client.resource(networkPolicies).get("podwright-tenant", tenant)).toMatchObject({
      spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
    });
    // The quota counts once its controller has seen it; the account of a new namespace comes a moment later too.
    await vi.waitFor(async () => {
      const { status } = await client.resource(resourceQuotas).get("podwright-tenant", tenant);
      expect(status?.hard).toEqual({ pods: "1" });
    }, waiting);
    const first = await at.call("POST", "/pods?wait=created", { body: { tenant, cmd: "1" } });
    expect(first.status).toBe(201);
    expect(first.body.spec.containers[0].resources).toEqual({
      limits: { memory: "64Mi" },
      requests: { cpu: "10m", memory: "64Mi" },
    });
    const second = await at.call("POST", "/pods", { body: { tenant, cmd: "2" } });
    expect(second).toMatchObject({ status: 202, body: { run: { phase: "Queued", reason: "Quota", position: 1 } } });
    await at.call("DELETE", `${first.headers.get("location")}&grace=0`);
    const started = await at.call("GET", `${second.headers.get("location")}&wait=created&timeout=25`);
    expect(started.body.run.phase).toBe("Pending");
  } finally {
    await lane.client.resource(tenants).delete(tenant);
    await lane.client.resource(namespaces).delete(tenant);
  }
});

test("a namespace of somebody else's is not taken over", async () => {
  const name = `grabber-${Date.now()}`;
  const resource = lane.client.resource(tenants);
  await resource.create({
    apiVersion: "podwright.dev/v1alpha1",
    kind: "Tenant",
    metadata: { name },
    spec: { namespace: "kube-system", createNamespace: true },
  });
  await vi.waitFor(async () => {
    expect((await resource.get(name))["status"]?.conditions).toMatchObject([
      { type: "Ready", status: "False", reason: "Refused", message: expect.stringContaining("kube-system") },
    ]);
  }, waiting);
  expect(
    (await lane.client.resource(namespaces).get("kube-system")).metadata.labels?.["podwright.dev/tenant"],
  ).toBeUndefined();
  await resource.delete(name);
});

test("limits of time: a deadline on the pod, the time after the end, the time without a question", async () => {
  const tenant = await lane.namespace("time");
  await makeTenant(lane, tenant, {
    namespace: tenant,
    templates: { pod: shellPod() },
    limits: { maxLifetimeSeconds: 100, ttlSecondsAfterFinished: 0 },
  });
  const idler = await lane.namespace("idle");
  await makeTenant(lane, idler, { namespace: idler, templates: { stuck: stuck() }, limits: { idleSeconds: 2 } });
  const done = await at.call("POST", "/pods", { body: { tenant, template: "pod", cmd: "echo" } });
  expect(done.body.spec.activeDeadlineSeconds).toBe(100);
  await vi.waitFor(async () => {
    await expect(lane.client.resource(pods).get(done.body.metadata.name, tenant)).rejects.toMatchObject({ code: 404 });
  }, waiting);
  expect((await at.call("GET", done.headers.get("location") as string)).body.run).toMatchObject({
    phase: "Succeeded",
    exitCode: 0,
  });

  const idle = await at.call("POST", "/pods", { body: { tenant: idler, cmd: "x" } });
  await vi.waitFor(async () => {
    await expect(lane.client.resource(pods).get(idle.body.metadata.name, idler)).rejects.toMatchObject({ code: 404 });
  }, waiting);
  expect((await at.call("GET", idle.headers.get("location") as string)).body.run).toMatchObject({
    phase: "Deleted",
    reason: "Idle",
  });
});

test("tokens: for their tenant and their templates only; nobody sees another's runs, names or errors", async () => {
  const [mine, other] = [await lane.namespace("mine"), await lane.namespace("other")];
  const token = (name: string, value: string) =>
    lane.client.resource(secrets).create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: mine },
      type: "Opaque",
      stringData: { token: value },
    });
  await token("all", "token-for-all");
  await token("some", "token-for-some\n");
  await makeTenant(lane, mine, {
    namespace: mine,
    templates: { pod: shellPod(), extra: shellPod() },
    tokens: [{ secretRef: { name: "all" } }, { secretRef: { name: "some" }, templates: ["extra"] }],
  });
  await makeTenant(lane, other, { namespace: other, templates: { pod: shellPod() } });
  await vi.waitUntil(async () => (await at.call("GET", "/pods", { token: "token-for-all" })).status === 200, waiting);

  const made = await at.call("POST", "/pods", { body: { cmd: "x", template: "pod" }, token: "token-for-all" });
  expect(made).toMatchObject({ status: 201, body: { metadata: { namespace: mine } } });
  const { name } = made.body.metadata;
  expect(
    await at.call("POST", "/pods", { body: { cmd: "x", template: "pod" }, token: "token-for-some" }),
  ).toMatchObject({ status: 403, body: { code: "forbidden" } });
  expect(await at.call("GET", `/pods/${name}`, { token: "token-for-some" })).toMatchObject({ status: 404 });
  expect((await at.call("GET", "/pods", { token: "token-for-some" })).body.items).toEqual([]);
  expect((await at.call("GET", "/templates", { token: "token-for-some" })).body.items).toMatchObject([
    { name: "extra" },
  ]);

  const others = (await at.call("POST", "/pods", { body: { tenant: other, cmd: "y" } })).body.metadata.name;
  for (const path of [`/pods/${others}`, `/pods/${others}/log`, `/pods/${others}/events`]) {
    expect(await at.call("GET", path, { token: "token-for-all" })).toMatchObject({
      status: 404,
      body: { detail: "there is no such run" },
    });
  }
  expect(await at.call("DELETE", `/pods/${others}`, { token: "token-for-all" })).toMatchObject({ status: 404 });
  const denied = await Promise.all(
    [other, "no-such-tenant"].map((tenant) => at.call("GET", `/pods?tenant=${tenant}`, { token: "token-for-all" })),
  );
  expect(denied.map(({ status }) => status)).toEqual([403, 403]);
  expect(denied[0]?.body).toEqual(denied[1]?.body);
  for (const asking of [
    { token: "" },
    { token: "wrong" },
    { headers: { moopkey: "wrong" } },
    { token: "", headers: { authorization: "Basic Zm9v" } },
  ]) {
    expect(await at.call("GET", `/pods?tenant=${mine}`, asking)).toMatchObject({
      status: 401,
      body: { code: "unauthorized" },
    });
  }
  const logged = at.log.join("");
  for (const secret of ["token-for-all", "token-for-some", "sesame"]) expect(logged).not.toContain(secret);
  // A token that is taken away is worth nothing from then on.
  await lane.client.resource(secrets).delete("all", mine);
  await vi.waitUntil(async () => (await at.call("GET", "/pods", { token: "token-for-all" })).status === 401, waiting);
});
