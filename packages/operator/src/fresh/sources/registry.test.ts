import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { deployments, secrets, silentLogger, systemClock } from "@podwright/client";
import { type Cluster, startCluster } from "@podwright/cluster";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ImageCatalog } from "../catalog.ts";
import { parsePolicy } from "../policy.ts";
import { registryMissing, startRegistry } from "../testing/registry-process.ts";
import { toWorkload, type Workload } from "../workload.ts";
import { startRegistrySource } from "./registry.ts";

const wait = { timeout: 20_000, interval: 10 };
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const closing: (() => unknown)[] = [];
let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ nodes: 0 });
});
afterAll(async () => cluster?.stop());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function workload(image: string, pullSecret?: string): Workload {
  const spec = {
    containers: [{ name: "c", image }],
    ...(pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] }),
  };
  return toWorkload({
    apiVersion: "apps/v1",
    kind: deployments.kind,
    metadata: { name: "web", namespace: "default", uid: "u", resourceVersion: "1" },
    spec: { template: { spec } },
  });
}

function follow(image: string, policy = "newest", pullSecret?: string): ImageCatalog {
  const catalog = new ImageCatalog();
  const source = startRegistrySource({
    client: cluster.client,
    clock: systemClock,
    logger: silentLogger,
    catalog,
    wishes: () => [{ workload: workload(image, pullSecret), policy: parsePolicy(policy) }],
    onWishes(handler) {
      handler();
      return () => {};
    },
    pollEveryMs: 50,
  });
  closing.push(() => source.stop());
  return catalog;
}

async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.skipIf(registryMissing() !== undefined)("Debian's docker-registry", () => {
  test("new content and new tags are found, and what was there before is no news", async () => {
    const registry = await startRegistry();
    closing.push(() => registry.stop());
    await registry.push("app", "1", "one");
    await registry.push("app", "old", "old");
    const repository = `${registry.host}/app`;
    const catalog = follow(`${repository}:1`);
    const named = (tag: string) => catalog.candidates(repository).find(({ reference }) => reference.tag === tag);
    await vi.waitFor(
      () => expect(named("1")).toMatchObject({ appearedAt: 0, source: "registry", pullable: true }),
      wait,
    );
    const second = await registry.push("app", "1", "two");
    await vi.waitFor(() => expect(named("1")?.ids).toEqual([second]), wait);
    expect(named("1")?.replacedIds).toHaveLength(1);
    const fresh = await registry.push("app", "2", "three");
    await vi.waitFor(() => expect(named("2")?.ids).toEqual([fresh]), wait);
    expect(named("2")?.appearedAt).toBeGreaterThan(0);
    expect(named("old")).toBeUndefined();
  });

  test("of a range of versions the highest is looked up at once", async () => {
    const registry = await startRegistry();
    closing.push(() => registry.stop());
    for (const tag of ["1.0.0", "1.9.0", "1.10.0", "2.0.0", "latest"]) await registry.push("app", tag, tag);
    const catalog = follow(`${registry.host}/app:1.0.0`, "semver:^1");
    const tags = () => catalog.candidates(`${registry.host}/app`).map(({ reference }) => reference.tag);
    await vi.waitFor(() => expect(tags().sort()).toEqual(["1.0.0", "1.10.0"]), wait);
  });
});

test("the login of a pull secret is used", async () => {
  const host = await serve(({ headers }, response) => {
    if (headers.authorization === "Basic dTpw") response.setHeader("docker-content-digest", digest("a")).end();
    else response.writeHead(401).end();
  });
  const config = { auths: { [host]: { auth: Buffer.from("u:p").toString("base64") } } };
  await cluster.client.resource(secrets).create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "pull", namespace: "default" },
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": Buffer.from(JSON.stringify(config)).toString("base64") },
  });
  const catalog = follow(`${host}/app:1`, "same-tag", "pull");
  await vi.waitFor(() => expect(catalog.candidates(`${host}/app`)[0]?.ids).toEqual([digest("a")]), wait);
});

test("a registry that wants to be left alone is asked again after the time it says", async () => {
  let asked = 0;
  const host = await serve((_request, response) => {
    if (asked++ === 0) response.writeHead(429, { "retry-after": "1" }).end();
    else response.setHeader("docker-content-digest", digest("a")).end();
  });
  const began = Date.now();
  const catalog = follow(`${host}/app:1`, "same-tag");
  await vi.waitFor(() => expect(catalog.candidates(`${host}/app`)).toHaveLength(1), wait);
  expect(Date.now() - began).toBeGreaterThanOrEqual(900);
});

test("a registry that answers 401, 404 or garbage harms nobody, and is asked less and less often", async () => {
  let answer = 401;
  let asked = 0;
  const host = await serve((_request, response) => {
    asked++;
    if (answer === 200) response.setHeader("docker-content-digest", digest("b")).end();
    else if (answer === 1) response.setHeader("docker-content-digest", "garbage").end("<html>");
    else response.writeHead(answer).end();
  });
  const catalog = follow(`${host}/app:1`, "same-tag");
  for (const next of [1, 404, 200]) {
    const before = asked;
    await vi.waitFor(() => expect(asked).toBeGreaterThan(before), wait);
    answer = next;
  }
  await vi.waitFor(() => expect(catalog.candidates(`${host}/app`)[0]?.ids).toEqual([digest("b")]), wait);
});
