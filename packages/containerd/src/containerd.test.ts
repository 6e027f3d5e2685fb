import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  contentOf,
  type Envelope,
  GrpcConnection,
  grpcCodes,
  imageEvent,
  imagesOf,
  isGrpcCode,
  leasesOf,
  namespacesOf,
  subscribe,
  underLease,
  version,
} from "./index.ts";
import { type ContainerdProcess, containerdMissing, startContainerd } from "./testing/containerd-process.ts";

const missing = containerdMissing();
const sha256 = (data: Buffer) => `sha256:${createHash("sha256").update(data).digest("hex")}`;

describe.skipIf(missing !== undefined)(`containerd${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  let daemon: ContainerdProcess;
  let connection: GrpcConnection;
  beforeAll(async () => {
    daemon = await startContainerd();
    connection = new GrpcConnection({ socket: daemon.socket });
  });
  afterAll(async () => {
    connection?.close();
    await daemon?.stop();
  });

  test("says its version", async () => {
    expect((await version(connection)).version).toMatch(/^v?\d+\.\d+/);
  });

  test("keeps blobs, under a lease until something refers to them", async () => {
    const content = contentOf(connection, "test");
    await namespacesOf(connection).create("test");
    await leasesOf(connection, "test").create("l1", Date.now() + 60_000);
    const data = Buffer.alloc(3 << 20, "podwright");
    const digest = sha256(data);
    const under = underLease("l1");
    expect(await content.info(digest)).toBeUndefined();
    expect(await content.write({ digest, size: data.length, labels: { a: "b" } }, [data], under)).toBe(data.length);
    expect(await content.write({ digest, size: data.length }, [data], under)).toBe(0);
    expect(await content.info(digest)).toMatchObject({ digest, size: data.length, labels: { a: "b" } });
    expect((await content.readAll(digest)).equals(data)).toBe(true);
    const listed = [];
    for await (const info of content.list()) listed.push(info.digest);
    expect(listed).toEqual([digest]);
    await content.setLabels(digest, { "containerd.io/gc.ref.content.0": digest });
    expect((await content.info(digest))?.labels["containerd.io/gc.ref.content.0"]).toBe(digest);
    await leasesOf(connection, "test").delete("l1", { sync: true });
    expect(await content.info(digest)).toBeUndefined();
  });

  test("refuses a blob that is not what its digest says", async () => {
    const content = contentOf(connection, "test");
    const wrong = content.write({ digest: sha256(Buffer.from("a")), size: 1 }, [Buffer.from("b")]);
    await expect(wrong).rejects.toThrow(/unexpected commit digest/);
  });

  test("tells of images as they come and go, with the names ctr sees", async () => {
    const content = contentOf(connection, "test");
    const images = imagesOf(connection, "test");
    const data = Buffer.from("{}");
    const digest = sha256(data);
    await content.write({ digest, size: data.length }, [data]);
    const stop = new AbortController();
    const seen: [string, string, string][] = [];
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const following = (async () => {
      for await (const { topic, namespace, event } of subscribe(connection, ['topic~="^/images/"'], {
        signal: stop.signal,
      }) as AsyncIterable<Envelope>) {
        if (event === undefined) continue;
        seen.push([namespace, topic, imageEvent.decode(event.value).name]);
        if (topic === "/images/delete") resolve();
      }
    })();
    // Nothing says when containerd has taken the subscription.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const name = "docker.io/library/a:1";
    await images.create({ name, target: { mediaType: "application/json", digest, size: 2, annotations: {} } });
    expect((await images.get(name)).target?.digest).toBe(digest);
    expect(daemon.ctr("-n", "test", "images", "ls", "-q").trim()).toBe(name);
    expect((await images.list()).map((image) => image.name)).toEqual([name]);
    await images.delete(name, { sync: true });
    await done;
    stop.abort();
    await following;
    expect(seen).toEqual([
      ["test", "/images/create", name],
      ["test", "/images/delete", name],
    ]);
    const gone = await images.get(name).catch((error: unknown) => error);
    expect(isGrpcCode(gone, grpcCodes.notFound)).toBe(true);
  });

  test("a call fails when the daemon is away, and works when it is back", async () => {
    await daemon.kill();
    const error = await version(connection, { timeoutMs: 2_000 }).catch((error: unknown) => error);
    expect(error).toMatchObject({ name: "GrpcError" });
    await daemon.restart();
    await connection.ready(10_000);
    expect((await version(connection)).version).not.toBe("");
  });
});
