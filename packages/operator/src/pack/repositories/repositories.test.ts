import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  clusterPackRepositories,
  customResourceDefinitions,
  EventRecorder,
  InformerFactory,
  packRepositories,
  type ResourceRef,
  secrets,
  silentLogger,
  systemClock,
} from "@podwright/client";
import { type Cluster, startCluster } from "@podwright/cluster";
import type { KubeObject } from "@podwright/kube";
import { createCertificateAuthority } from "@podwright/pki";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ContentIndex } from "../../content/content-index.ts";
import type { ResolvedChart } from "../charts/chart-source.ts";
import { packCrds } from "../crd.ts";
import type { Pack, RepositorySpec } from "../pack.ts";
import { packChart } from "../testing/chart-archive.ts";
import { type ChartServer, type ChartServerOptions, serveCharts } from "../testing/chart-server.ts";
import { createRepositories, type Repositories, type RepositoriesOptions } from "./repositories.ts";

const waiting = { timeout: 20_000, interval: 20 };
let cluster: Cluster;
let folder: string;
let closing: (() => unknown)[];

beforeEach(async () => {
  closing = [];
  folder = await mkdtemp(join(tmpdir(), "podwright-repositories-"));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  cluster = await startCluster({ nodes: 0 });
  closing.push(() => cluster.stop());
  for (const crd of packCrds()) await cluster.client.resource(customResourceDefinitions).create(crd);
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

async function start(options: Partial<RepositoriesOptions> = {}, lead = true): Promise<Repositories> {
  const informers = new InformerFactory(cluster.client);
  const content = new ContentIndex(informers, new Uint8Array(32));
  const recorder = new EventRecorder(cluster.client, { component: "test" });
  const context = { client: cluster.client, informers, content, recorder, clock: systemClock, logger: silentLogger };
  const repositories = createRepositories(context, { cacheDir: join(folder, "cache"), ...options });
  closing.push(
    () => repositories.close(),
    () => informers.stop(),
    () => recorder.stop(),
  );
  informers.start();
  await informers.synced();
  if (lead) {
    const leading = await repositories.lead();
    closing.push(() => leading.stop());
  }
  return repositories;
}

async function served(authorization?: string, options: ChartServerOptions = {}): Promise<ChartServer> {
  const server = await serveCharts({ authorization, ...options });
  closing.push(() => server.close());
  return server;
}

const apiVersion = "k8s.kubit.ir/v1alpha1";
const create = (ref: ResourceRef, spec: RepositorySpec, metadata: object = {}) =>
  cluster.client.resource(ref).create({
    apiVersion,
    kind: ref.kind,
    metadata: { name: "repo", ...(ref.namespaced ? { namespace: "default" } : {}), ...metadata },
    spec,
  } as unknown as KubeObject);

const pack = (name: string, version?: string, kind?: "PackRepository" | "ClusterPackRepository"): Pack => ({
  apiVersion,
  kind: "Pack",
  metadata: { name: "p", namespace: "default" },
  spec: {
    chart: {
      name,
      ...(version === undefined ? {} : { version }),
      ...(kind === undefined ? {} : { repository: { kind, name: "repo" } }),
    },
  },
});

const ready = (ref: ResourceRef, status: "True" | "False") =>
  vi.waitFor(async () => {
    const object = await cluster.client.resource(ref).get("repo", ref.namespaced ? "default" : undefined);
    expect(object["status"]?.conditions?.[0]?.status).toBe(status);
    return object;
  }, waiting);

test("a chart is found by range, downloaded once, and known to the next process without a download", async () => {
  const server = await served();
  for (const version of ["0.1.0", "0.1.5", "0.2.0", "1.0.0"]) {
    server.add("app", version, await packChart("app", version, { "values.yaml": "a: 1" }));
  }
  await create(packRepositories, { url: server.url });
  const { source } = await start();
  const object = await ready(packRepositories, "True");
  expect(object["status"]).toMatchObject({ charts: 1, type: "http", observedGeneration: 1 });

  const all = Array.from({ length: 20 }, () => source.resolve(pack("app", "~=0.1", "PackRepository")));
  const chart = (await Promise.all(all))[0] as ResolvedChart;
  expect(chart).toMatchObject({
    name: "app",
    version: "0.2.0",
    appVersion: "9",
    defaultValues: { a: 1 },
    repository: { kind: "PackRepository", namespace: "default", name: "repo", url: server.url },
  });
  expect(chart.path).toContain(chart.digest);
  expect((await source.resolve(pack("app", "~=0.1.0", "PackRepository"))).version).toBe("0.1.5");
  expect((await source.cached(pack("app", "~=0.1", "PackRepository")))?.version).toBe("0.2.0");
  expect(await source.cached(pack("app", "1.0.0", "PackRepository"))).toBeUndefined();
  expect(server.requests.filter((request) => request.includes("0.2.0"))).toHaveLength(1);
  expect(server.requests.filter((request) => request.includes("index"))).toEqual(["GET /index.yaml 200"]);

  const again = await start();
  expect((await again.source.resolve(pack("app", "~=0.1", "PackRepository"))).digest).toBe(chart.digest);
  expect(server.requests.at(-1)).toBe("GET /index.yaml 304");
});

test("what there is not is told with what there is", async () => {
  const server = await served();
  server.add("app", "1.0.0", await packChart("app", "1.0.0"));
  await create(packRepositories, { url: server.url });
  const { source } = await start();
  await expect(source.resolve(pack("ap", undefined, "PackRepository"))).rejects.toMatchObject({
    reason: "ChartNotFound",
    message: 'PackRepository default/repo has no chart "ap"; there are app',
  });
  await expect(source.resolve(pack("app", "^2", "PackRepository"))).rejects.toMatchObject({
    reason: "VersionNotFound",
    message: 'PackRepository default/repo has no version of chart "app" in "^2"; there are 1.0.0',
  });
  await expect(source.resolve(pack("app", undefined, "ClusterPackRepository"))).rejects.toMatchObject({
    reason: "RepositoryNotFound",
    message: "there is no ClusterPackRepository repo",
  });
});

test("a Pack that names no repository uses the default one, as soon as there is one", async () => {
  const server = await served();
  server.add("app", "1.0.0", await packChart("app", "1.0.0"));
  const { source } = await start();
  await expect(source.resolve(pack("app"))).rejects.toMatchObject({ reason: "RepositoryNotFound" });
  const changed = vi.fn();
  source.onChange(changed);
  await create(clusterPackRepositories, { url: server.url }, { annotations: { "podwright.dev/default": "true" } });
  await vi.waitFor(() => expect(changed).toHaveBeenCalledWith("ClusterPackRepository//repo"), waiting);
  expect(source.repositoryOf(pack("app"))).toBe("ClusterPackRepository//repo");
  expect((await source.resolve(pack("app"))).repository.kind).toBe("ClusterPackRepository");
});

test("a repository that is down says so, what was there stays in use, and it heals", async () => {
  const server = await served();
  server.add("app", "1.0.0", await packChart("app", "1.0.0"));
  await create(packRepositories, { url: server.url, interval: "1s" });
  const { source } = await start();
  await source.resolve(pack("app", undefined, "PackRepository"));
  await ready(packRepositories, "True");

  server.fault = () => 0;
  const down = await ready(packRepositories, "False");
  expect(down["status"].conditions[0].message).toMatch(/^http:\/\/127.*what was there at .* stays in use$/);
  expect((await source.resolve(pack("app", undefined, "PackRepository"))).version).toBe("1.0.0");

  const changed = vi.fn();
  source.onChange(changed);
  server.fault = undefined;
  server.add("app", "1.1.0", await packChart("app", "1.1.0"));
  await ready(packRepositories, "True");
  await vi.waitFor(() => expect(changed).toHaveBeenCalledWith("PackRepository/default/repo"), waiting);
  expect((await source.resolve(pack("app", undefined, "PackRepository"))).version).toBe("1.1.0");
});

test("a chart that is not what the index promises is refused", async () => {
  const server = await served();
  server.add("lie", "1.0.0", await packChart("lie", "1.0.0"), "0".repeat(64));
  server.add("path", "1.0.0", await packChart("path", "1.0.0"), "../../precious");
  await writeFile(join(folder, "precious.tgz"), "precious");
  server.add("other", "1.0.0", await packChart("app", "1.0.0"));
  server.add("junk", "1.0.0", Buffer.from("no archive"));
  await create(packRepositories, { url: server.url });
  const { source } = await start();
  const reason = (name: string) =>
    source.resolve(pack(name, undefined, "PackRepository")).catch((error: { reason: string }) => error.reason);
  expect(await reason("lie")).toBe("DigestMismatch");
  expect(await reason("path")).toBe("DigestMismatch");
  expect(await readdir(folder)).toContain("precious.tgz");
  expect(await reason("other")).toBe("InvalidChart");
  expect(await reason("junk")).toBe("InvalidChart");
});

test("credentials come from a Secret, and a Secret that comes or changes is used at once", async () => {
  const server = await served(`Basic ${Buffer.from("me:s3cret").toString("base64")}`);
  server.add("app", "1.0.0", await packChart("app", "1.0.0"));
  await create(packRepositories, { url: server.url, secretRef: { name: "login" } });
  const { source } = await start();
  expect((await ready(packRepositories, "False"))["status"].conditions[0]).toMatchObject({ reason: "SecretNotFound" });

  const login = (password: string): KubeObject => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "login", namespace: "default" },
    stringData: { username: "me", password },
  });
  await cluster.client.resource(secrets).create(login("wr0ng"));
  await vi.waitFor(async () => {
    const { conditions } = (await ready(packRepositories, "False"))["status"];
    expect(conditions[0].reason).toBe("AuthenticationFailed");
    expect(JSON.stringify(conditions)).not.toContain("wr0ng");
  }, waiting);
  await cluster.client.resource(secrets).patch("login", "default", login("s3cret"), { type: "merge" });
  await ready(packRepositories, "True");
  expect((await source.resolve(pack("app", undefined, "PackRepository"))).version).toBe("1.0.0");
});

test("a private authority and a client's certificate come from a Secret", async () => {
  const authority = createCertificateAuthority("private", Date.now());
  const { cert, key } = authority.issue({ commonName: "podwright", usage: "client" });
  const ofServer = authority.issue({ commonName: "charts", hosts: ["127.0.0.1"], usage: "server" });
  const server = await served(undefined, { tls: { ...ofServer, ca: authority.cert } });
  server.add("app", "1.0.0", await packChart("app", "1.0.0"));
  const secret = (stringData: Record<string, string>) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "tls", namespace: "default" },
    stringData,
  });
  await cluster.client.resource(secrets).create(secret({ "tls.crt": cert, "tls.key": key }));
  await create(packRepositories, { url: server.url, secretRef: { name: "tls" } });
  const { source } = await start();
  expect((await ready(packRepositories, "False"))["status"].conditions[0]).toMatchObject({ reason: "FetchFailed" });
  await cluster.client
    .resource(secrets)
    .patch("tls", "default", secret({ "ca.crt": authority.cert }), { type: "merge" });
  await ready(packRepositories, "True");
  expect((await source.resolve(pack("app", undefined, "PackRepository"))).version).toBe("1.0.0");
});

test("a folder of charts, packed and not; only for cluster-scoped repositories unless the operator allows it", async () => {
  const charts = join(folder, "charts");
  await mkdir(join(charts, "app", "templates"), { recursive: true });
  await writeFile(join(charts, "app", "Chart.yaml"), "apiVersion: v2\nname: app\nversion: 1.0.0\n");
  await writeFile(join(charts, "app", "values.yaml"), "a: 1\n");
  await writeFile(join(charts, "packed-2.0.0.tgz"), await packChart("packed", "2.0.0"));
  await create(clusterPackRepositories, { url: `file://${charts}` });
  await create(packRepositories, { url: `file://${charts}` });
  const { source } = await start();
  expect((await ready(clusterPackRepositories, "True"))["status"]).toMatchObject({ charts: 2, type: "folder" });
  expect((await ready(packRepositories, "False"))["status"].conditions[0].reason).toBe("FolderNotAllowed");

  const first = await source.resolve(pack("app", undefined, "ClusterPackRepository"));
  expect(first).toMatchObject({ path: join(charts, "app"), defaultValues: { a: 1 } });
  expect((await source.resolve(pack("packed", "^2", "ClusterPackRepository"))).version).toBe("2.0.0");
  await writeFile(join(charts, "app", "values.yaml"), "a: 22\n");
  await vi.waitFor(async () => {
    const next = await source.resolve(pack("app", undefined, "ClusterPackRepository"));
    expect(next.defaultValues).toEqual({ a: 22 });
    expect(next.digest).not.toBe(first.digest);
  }, waiting);
});

test("a folder outside of those the operator may read is refused, through links too", async () => {
  await mkdir(join(folder, "allowed"));
  await create(clusterPackRepositories, { url: `file://${folder}/allowed/..` });
  await start({ chartFolders: [join(folder, "allowed")] });
  expect((await ready(clusterPackRepositories, "False"))["status"].conditions[0].reason).toBe("FolderNotAllowed");
});

test("a broken chart in the cache is fetched again", async () => {
  const server = await served();
  server.add("app", "1.0.0", await packChart("app", "1.0.0"));
  await create(packRepositories, { url: server.url });
  const { source } = await start({}, false);
  const { path } = await source.resolve(pack("app", undefined, "PackRepository"));
  await writeFile(path, "broken");
  const again = await start({}, false);
  await again.source.resolve(pack("app", undefined, "PackRepository"));
  expect(server.requests.filter((request) => request.includes(".tgz"))).toHaveLength(2);
  expect(await readdir(join(folder, "cache", "charts"))).toHaveLength(1);
});

test("a repository that never answers is given up after its timeout", async () => {
  const server = await served();
  server.fault = () => -1;
  await create(packRepositories, { url: server.url, timeout: "200ms" });
  const { source } = await start();
  const { conditions } = (await ready(packRepositories, "False"))["status"];
  expect(conditions[0]).toMatchObject({
    reason: "FetchFailed",
    message: `${server.url}/index.yaml: no answer within 0.2 s`,
  });
  await expect(source.resolve(pack("app", undefined, "PackRepository"))).rejects.toMatchObject({ retry: true });
});

test("a deleted repository is gone, and so is its index on disk", async () => {
  const server = await served();
  server.add("app", "1.0.0", await packChart("app", "1.0.0"));
  await create(packRepositories, { url: server.url });
  const { source } = await start();
  await ready(packRepositories, "True");
  expect(await readdir(join(folder, "cache", "indexes"))).toHaveLength(1);
  await cluster.client.resource(packRepositories).delete("repo", "default");
  await vi.waitFor(async () => expect(await readdir(join(folder, "cache", "indexes"))).toEqual([]), waiting);
  await expect(source.resolve(pack("app", undefined, "PackRepository"))).rejects.toMatchObject({
    reason: "RepositoryNotFound",
  });
});
