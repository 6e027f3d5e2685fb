import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client, HttpTransport, jobs, loadKubeconfig, pods } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { FaultProxy } from "../client/fault-proxy.ts";
import { type Lane, openLane } from "../lane.ts";
import { caller, key, makeTenant, shellPod, startService, waiting } from "./service-lane.ts";

const main = fileURLToPath(new URL("../../packages/cli/bin/main.mjs", import.meta.url));

let lane: Lane;
let proxy: FaultProxy;
let folder: string;
beforeAll(async () => {
  lane = await openLane({ operator: false });
  proxy = await FaultProxy.open(loadKubeconfig({ path: lane.kubeconfig }));
  folder = await mkdtemp(join(tmpdir(), "podwright-pods-"));
});
beforeEach(() => proxy.mend());
afterAll(async () => {
  await proxy?.close();
  await rm(folder, { recursive: true, force: true });
  await lane?.close();
});

const stuck = () => shellPod({ nodeSelector: { nowhere: "yes" } });
const command = (pod: KubeObject): string => pod["spec"].containers[0].args[2];

/** A tenant whose namespace is new, and the commands of its pods in the order in which they were made. */
async function watchedTenant(prefix: string): Promise<{ tenant: string; made: string[] }> {
  const tenant = await lane.namespace(prefix);
  const made: string[] = [];
  const watch = async (): Promise<void> => {
    for await (const { object, type } of lane.client.resource(pods).watch({ namespace: tenant, timeoutSeconds: 90 })) {
      if (type === "ADDED") made.push(command(object));
    }
  };
  void watch().catch(() => {});
  return { tenant, made };
}

test("the cluster goes away and comes back, with a restart in between: the order stands, nothing is made twice", async () => {
  const dataDir = join(folder, "outage");
  const instance = `outage-${Date.now()}`;
  const client = new Client(new HttpTransport(proxy.connection));
  const faulty = { ...lane, client };
  let at = await startService(faulty, { instance, dataDir });
  const { tenant, made } = await watchedTenant("outage");
  await makeTenant(lane, tenant, { namespace: tenant, templates: { pod: stuck() }, limits: { queue: 8 } });
  await vi.waitUntil(async () => (await at.call("GET", `/pods?tenant=${tenant}`)).status === 200, waiting);
  const ask = (cmd: string) => at.call("POST", "/pods", { body: { tenant, cmd } });
  expect(await ask("0")).toMatchObject({ status: 201 });

  proxy.cut();
  for (let i = 1; i <= 6; i++) {
    expect(await ask(String(i))).toMatchObject({
      status: 202,
      body: { run: { phase: "Queued", position: i, reason: "ClusterAway" } },
    });
  }
  await ask("7");
  await ask("8");
  expect(await ask("9")).toMatchObject({ status: 429, body: { code: "queue_full" } });
  // Reads go on from what is known.
  expect((await at.call("GET", `/pods?tenant=${tenant}&state=queued`)).body.items).toHaveLength(8);
  await at.service.stop();
  expect(made).toEqual(["0"]);

  proxy.mend();
  at = await startService(faulty, { instance, dataDir });
  await vi.waitFor(() => expect(made).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8"]), waiting);
  await vi.waitFor(async () => {
    expect((await at.call("GET", `/pods?tenant=${tenant}&state=queued`)).body.items).toEqual([]);
  }, waiting);
  expect(made).toHaveLength(9);
  await at.service.stop();
  await client.close();
});

test("the cluster's failures of single requests are told as 502, with the error that upstream's clients read", async () => {
  const client = new Client(new HttpTransport(proxy.connection));
  const at = await startService({ ...lane, client }, { instance: `away-${Date.now()}` });
  const tenant = await lane.namespace("away");
  await makeTenant(lane, tenant, { namespace: tenant, templates: { pod: stuck() }, limits: { queue: 0 } });
  await vi.waitUntil(async () => (await at.call("GET", `/pods?tenant=${tenant}`)).status === 200, waiting);
  const made = await at.call("POST", "/pods", { body: { tenant, cmd: "x" } });
  proxy.cut();
  const refused = await at.call("DELETE", made.headers.get("location") as string);
  expect(refused).toMatchObject({ status: 502, body: { code: "cluster_failed", error: expect.any(String) } });
  expect(refused.headers.get("content-type")).toBe("application/problem+json");
  expect(await at.call("GET", made.headers.get("location") as string)).toMatchObject({ status: 200 });
  proxy.mend();
  await at.service.stop();
  await client.close();
});

test("killed between the creation and its answer: the key finds the pod again", async () => {
  const { tenant, made } = await watchedTenant("killed");
  const front = await killingFront(tenant, "pods");
  const asking = { body: { tenant, cmd: "once" }, headers: { "idempotency-key": "k" } };
  const first = await front.start();
  await makeTenant(lane, tenant, { namespace: tenant, templates: { pod: stuck() } });
  await expect(caller(first.url)("POST", "/pods", asking)).rejects.toThrow();
  const second = await front.start();
  const again = await caller(second.url)("POST", "/pods", asking);
  expect(again).toMatchObject({ status: 201, body: { metadata: { uid: expect.any(String) } } });
  await vi.waitFor(() => expect(made).toEqual(["once"]), waiting);
  expect((await lane.client.resource(pods).list({ namespace: tenant })).items).toHaveLength(1);
  await second.stop();
  await front.close();
});

test("killed at the creation of a Job that is done and removed by its TTL meanwhile: it is lost, and not made again", async () => {
  const tenant = await lane.namespace("vanished");
  const front = await killingFront(tenant, "jobs");
  const first = await front.start();
  await makeTenant(lane, tenant, {
    namespace: tenant,
    templates: { job: { ...stuckJob(), metadata: { name: "j-{tenantId}-{hash}" } } },
    limits: { ttlSecondsAfterFinished: 0 },
  });
  const asking = { body: { tenant, cmd: "once" }, headers: { "idempotency-key": "k" } };
  await expect(caller(first.url)("POST", "/pods", asking)).rejects.toThrow();
  const ofTenant = lane.client.resource(pods);
  const pod = await vi.waitFor(async () => {
    const [found] = (await ofTenant.list({ namespace: tenant })).items;
    expect(found).toBeDefined();
    return found as KubeObject;
  }, waiting);
  await ofTenant.patch(
    pod.metadata.name as string,
    tenant,
    { status: { phase: "Succeeded" } },
    { type: "merge", subresource: "status" },
  );
  const jobsThere = async () => (await lane.client.resource(jobs).list({ namespace: tenant })).items;
  await vi.waitFor(async () => expect(await jobsThere()).toEqual([]), waiting);

  const second = await front.start();
  const call = caller(second.url);
  expect(await call("POST", "/pods", asking)).toMatchObject({ status: 201, body: { run: { phase: "Lost" } } });
  expect(await call("POST", "/pods", asking)).toMatchObject({ status: 201, body: { run: { phase: "Lost" } } });
  expect((await call("GET", `/pods?tenant=${tenant}`)).body.items).toMatchObject([{ phase: "Lost", reason: "Gone" }]);
  expect(await jobsThere()).toEqual([]);
  await second.stop();
  await front.close();
});

test("1,000 requests at once: each has its pod", async () => {
  const at = await startService(lane, { instance: `many-${Date.now()}`, answerWithinMs: 240_000 });
  const tenant = await lane.namespace("many");
  await makeTenant(lane, tenant, { namespace: tenant, templates: { pod: stuck() } });
  await vi.waitUntil(async () => (await at.call("GET", `/pods?tenant=${tenant}`)).status === 200, waiting);
  const answers = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => at.call("POST", "/pods", { body: { tenant, cmd: `${i}` } })),
  );
  expect(answers.filter(({ status }) => status !== 201).map(({ status, body }) => [status, body.detail])).toEqual([]);
  expect(new Set(answers.map(({ body }) => body.metadata.name)).size).toBe(1000);
  const { items } = await lane.client.resource(pods).list({ namespace: tenant });
  expect(new Set(items.map(command)).size).toBe(1000);
  await at.service.stop();
}, 300_000);

function stuckJob(): KubeObject {
  const { spec } = stuck() as { spec: object };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "" },
    spec: { template: { spec } },
  };
}

/** In front of the cluster: passes everything on, but kills the service at the first answer to a creation. */
async function killingFront(tenant: string, resource: string) {
  let child: ChildProcess | undefined;
  let held = 0;
  const inFront = await listening(
    createServer((incoming, response) => {
      forward(proxy.connection.server, incoming, response, () => {
        if (incoming.method !== "POST" || !incoming.url?.includes(`/namespaces/${tenant}/${resource}`) || held++ > 0)
          return true;
        child?.kill("SIGKILL");
        return false;
      });
    }),
  );
  const kubeconfig = join(folder, `${tenant}-front.yaml`);
  await writeFile(kubeconfig, frontKubeconfig(inFront.url));
  return {
    close: inFront.close,
    async start() {
      const started = await startProcess(kubeconfig, `killed-${tenant}`);
      child = started.child;
      await vi.waitUntil(async () => (await fetch(`${started.url}/readyz`)).ok, waiting);
      return started;
    },
  };
}

async function listening(server: Server): Promise<{ url: string; close(): Promise<void> }> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers as the other server does, when it may. */
function forward(to: string, incoming: IncomingMessage, response: ServerResponse, mayAnswer: () => boolean): void {
  const sent = request(
    new URL(incoming.url ?? "/", to),
    { method: incoming.method ?? "GET", headers: incoming.headers },
    (answer) => {
      if (!mayAnswer()) return;
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    },
  );
  sent.on("error", () => response.destroy());
  response.on("close", () => sent.destroy());
  incoming.pipe(sent);
}

function frontKubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "front",
    contexts: [{ name: "front", context: { cluster: "front", user: "front" } }],
    clusters: [{ name: "front", cluster: { server } }],
    users: [{ name: "front", user: {} }],
  });
}

async function startProcess(kubeconfig: string, instance: string) {
  const config = join(folder, `${instance}.yaml`);
  await writeFile(
    config,
    JSON.stringify({ port: 0, MOOPKEY: key, instance, data_dir: join(folder, instance), log_level: 40 }),
  );
  const child = spawn(process.execPath, [main, "pod-service", "--config", config, "--kubeconfig", kubeconfig], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (text) => {
      if (text.startsWith('{"url"')) resolve(text);
    });
    child.once("exit", (code) => reject(new Error(`podwright pod-service ended with ${code}`)));
  });
  return {
    child,
    url: JSON.parse(line).url as string,
    async stop() {
      child.removeAllListeners("exit");
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    },
  };
}
