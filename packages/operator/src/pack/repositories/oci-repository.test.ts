import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { registryMissing, startRegistry } from "../../fresh/testing/registry-process.ts";
import { ChartCache } from "../charts/chart-cache.ts";
import { packChart } from "../testing/chart-archive.ts";
import type { Credentials } from "./download.ts";
import { OciRepository } from "./oci-repository.ts";

let closing: (() => unknown)[];
let folder: string;
let host: string;

describe.skipIf(registryMissing() !== undefined)("with Debian's docker-registry", () => {
  beforeEach(async () => {
    closing = [];
    folder = await mkdtemp(join(tmpdir(), "podwright-oci-"));
    closing.push(() => rm(folder, { recursive: true, force: true }));
    const registry = await startRegistry();
    closing.push(() => registry.stop());
    host = registry.host;
  });
  afterEach(async () => {
    for (const close of closing.reverse()) await close();
  });

  test("a chart is found by tag, verified, and fetched once", async () => {
    await push("team/app", "1.0.0", await packChart("app", "1.0.0"));
    await push("team/app", "1.1.0+build.1", await packChart("app", "1.1.0+build.1"));
    const repository = open();
    expect(await repository.refresh()).toEqual({ changed: false });
    expect([...(await repository.versions("app"))].sort()).toEqual(["1.0.0", "1.1.0+build.1"]);
    expect(await repository.versions("nothing")).toEqual([]);
    const chart = await repository.fetch("app", "1.1.0+build.1");
    expect(chart.content).toMatchObject({ name: "app", version: "1.1.0+build.1" });
    expect(repository.peek("app", "1.1.0+build.1")).toEqual(chart);
  });

  test("new tags and moved tags are seen at the next look", async () => {
    await push("team/app", "1.0.0", await packChart("app", "1.0.0"));
    const repository = open();
    await repository.versions("app");
    const before = await repository.fetch("app", "1.0.0");
    expect(await repository.refresh()).toEqual({ changed: false });
    await push("team/app", "1.0.0", await packChart("app", "1.0.0", { "values.yaml": "moved: true" }));
    expect(await repository.refresh()).toEqual({ changed: true });
    expect((await repository.fetch("app", "1.0.0")).digest).not.toBe(before.digest);
    await push("team/app", "1.2.0", await packChart("app", "1.2.0"));
    expect(await repository.refresh()).toEqual({ changed: true });
    expect(await repository.versions("app")).toContain("1.2.0");
  });

  test("an image that is no chart is refused", async () => {
    await push("team/app", "1.0.0", Buffer.from("layer"), "application/vnd.oci.image.layer.v1.tar+gzip");
    const repository = open();
    await repository.versions("app");
    await expect(repository.fetch("app", "1.0.0")).rejects.toMatchObject({ reason: "InvalidChart" });
  });

  test("a registry that sends others than its digests promise is caught", async () => {
    await push("team/app", "1.0.0", await packChart("app", "1.0.0"));
    const real = host;
    const liar = await proxy(real, (path, body) => (path.includes("/blobs/") ? Buffer.from("other") : body));
    await expect(open({}, liar).fetch("app", "1.0.0")).rejects.toMatchObject({ reason: "DigestMismatch" });
    const forger = await proxy(real, (path, body) =>
      path.includes("/manifests/") ? Buffer.concat([body, Buffer.from(" ")]) : body,
    );
    await expect(open({}, forger).fetch("app", "1.0.0")).rejects.toMatchObject({ reason: "DigestMismatch" });
  });

  test("tokens are got from the registry's token service with the Secret's login", async () => {
    await push("team/app", "1.0.0", await packChart("app", "1.0.0"));
    const guarded = await proxy(host, (_path, body) => body, "me:s3cret");
    const repository = open({ username: "me", password: "s3cret" }, guarded);
    await repository.refresh();
    expect(await repository.versions("app")).toEqual(["1.0.0"]);
    expect((await repository.fetch("app", "1.0.0")).content.name).toBe("app");
    const stranger = open({ username: "me", password: "wr0ng" }, guarded);
    const error = await stranger.versions("app").catch((failure: Error) => failure);
    expect(error).toMatchObject({ reason: "AuthenticationFailed" });
    expect(String(error)).not.toContain("wr0ng");
  });
});

function open(credentials: Credentials = {}, at = host): OciRepository {
  const cache = new ChartCache(join(folder, `cache-${closing.length}`));
  const repository = new OciRepository({
    url: `oci://${at}/team`,
    credentials,
    insecure: true,
    timeoutMs: 10_000,
    cache,
  });
  closing.push(() => repository.close());
  return repository;
}

/** As `helm push` does. */
async function push(
  repository: string,
  version: string,
  archive: Buffer,
  mediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
): Promise<void> {
  const blob = async (content: Buffer) => {
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const started = await fetch(`http://${host}/v2/${repository}/blobs/uploads/`, { method: "POST" });
    const url = new URL(started.headers.get("location") as string, `http://${host}`);
    url.searchParams.set("digest", digest);
    expect((await fetch(url, { method: "PUT", body: new Uint8Array(content) })).status).toBe(201);
    return { digest, size: content.length };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.cncf.helm.config.v1+json", ...(await blob(Buffer.from("{}"))) },
    layers: [{ mediaType, ...(await blob(archive)) }],
  };
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${version.replaceAll("+", "_")}`, {
    method: "PUT",
    headers: { "content-type": manifest.mediaType },
    body: JSON.stringify(manifest),
  });
  expect(response.status).toBe(201);
}

/** The registry behind another server that may change what it says, and may want a token of its own token service. */
async function proxy(real: string, change: (path: string, body: Buffer) => Buffer, login?: string): Promise<string> {
  const basic = login === undefined ? undefined : `Basic ${Buffer.from(login).toString("base64")}`;
  const server = createServer((incoming, response) => {
    const path = incoming.url ?? "/";
    const self = `http://${incoming.headers.host}`;
    if (path.startsWith("/token")) {
      const granted = incoming.headers.authorization === basic;
      response.writeHead(granted ? 200 : 401).end(granted ? JSON.stringify({ token: "t0ken" }) : "");
      return;
    }
    if (basic !== undefined && incoming.headers.authorization !== "Bearer t0ken") {
      const challenge = `Bearer realm="${self}/token",service="registry"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
      return;
    }
    const { authorization: _none, ...headers } = incoming.headers;
    request(`http://${real}${path}`, { method: incoming.method ?? "GET", headers }, (answer: IncomingMessage) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const { "content-length": _length, ...kept } = answer.headers;
        response.writeHead(answer.statusCode ?? 500, kept).end(change(path, Buffer.concat(chunks)));
      });
    }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
