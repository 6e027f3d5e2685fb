import { rename } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { silentLogger, systemClock } from "@podwright/client";
import { DockerClient } from "@podwright/docker";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { TrackedImage } from "../image.ts";
import { type DockerDaemon, dockerMissing, startDockerDaemon } from "../testing/docker-daemon.ts";
import { dockerEngine } from "./docker.ts";
import { FollowedImages } from "./followed-images.ts";

const missing = dockerMissing();
const wait = { timeout: 20_000, interval: 20 };

describe.skipIf(missing !== undefined)(
  `docker's images${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let daemon: DockerDaemon;
    const open: FollowedImages[] = [];
    beforeAll(async () => {
      daemon = await startDockerDaemon();
      daemon.docker(["import", "-", "base:1"], Buffer.alloc(1024));
    });
    afterAll(async () => daemon?.stop());
    afterEach(async () => {
      for (const each of open.splice(0)) await each.stop();
    });

    async function follow(
      options: { socket?: string; compareEveryMs?: number; known?: TrackedImage[]; callTimeoutMs?: number } = {},
    ) {
      const { socket = daemon.socket, ...rest } = options;
      const followed = new FollowedImages({
        engine: dockerEngine(new DockerClient({ socketPath: socket })),
        clock: systemClock,
        logger: silentLogger,
        onChange: () => {},
        compareEveryMs: 3_600_000,
        ...rest,
      });
      open.push(followed);
      followed.start();
      await vi.waitFor(() => expect(followed.images.length).toBeGreaterThan(0), wait);
      return followed;
    }
    const named = (followed: FollowedImages, name: string) =>
      followed.images.find((image) => image.name === `docker.io/library/${name}`);
    const build = (label: string, ...tags: string[]) =>
      daemon.docker(
        ["build", "-q", ...tags.flatMap((tag) => ["-t", tag]), "-"],
        `FROM base:1\nLABEL is=${label} org.opencontainers.image.revision=r-${label}\n`,
      );

    test("docker build, tag, rmi and load are seen as they happen", async () => {
      const followed = await follow();
      const id = build("one", "app:1", "other:1");
      await vi.waitFor(() => expect(named(followed, "app:1")).toMatchObject({ revision: "r-one" }), wait);
      expect(named(followed, "app:1")?.ids).toContain(id);
      await vi.waitFor(() => expect(named(followed, "other:1")?.ids).toContain(id), wait);

      daemon.docker(["tag", "app:1", "app:2"]);
      await vi.waitFor(() => expect(named(followed, "app:2")?.ids).toContain(id), wait);

      const second = build("two", "app:2");
      await vi.waitFor(() => expect(named(followed, "app:2")?.ids).toContain(second), wait);
      expect(named(followed, "app:2")?.replacedIds).toContain(id);

      const archive = join(daemon.folder, "app.tar");
      daemon.docker(["save", "-o", archive, "app:1"]);
      daemon.docker(["rmi", "app:1", "other:1"]);
      await vi.waitFor(() => expect(named(followed, "app:1")).toBeUndefined(), wait);
      daemon.docker(["load", "-i", archive]);
      await vi.waitFor(() => expect(named(followed, "app:1")?.ids).toContain(id), wait);
      expect(followed.status.missed).toBe(0);
    });

    test("what happened while nobody followed has appeared since", async () => {
      const before = await follow();
      const known = before.images;
      await before.stop();
      const began = Date.now();
      build("away", "away:1");
      const between = Date.now();
      // What is named last is the latest, also where it was built first.
      daemon.docker(["tag", "app:2", "away:0"]);
      const after = await follow({ known });
      const appeared = (tag: string) => named(after, `away:${tag}`)?.appearedAt as number;
      expect(appeared("1")).toBeGreaterThanOrEqual(began);
      expect(appeared("1")).toBeLessThanOrEqual(between);
      expect(appeared("0")).toBeGreaterThanOrEqual(between);
      const base = known.find(({ name }) => name === "docker.io/library/base:1");
      expect(named(after, "base:1")?.appearedAt).toBe(base?.appearedAt);
    });

    test("a daemon that is killed, or whose socket goes, is found again with what it has", async () => {
      const followed = await follow();
      await daemon.kill();
      await vi.waitFor(() => expect(followed.status.connected).toBe(false), wait);
      await daemon.restart();
      build("restarted", "restarted:1");
      await vi.waitFor(() => expect(named(followed, "restarted:1")).toBeDefined(), wait);
      expect(followed.status).toMatchObject({ connected: true, lost: 1 });

      const proxy = await startProxy(join(daemon.folder, "moved.sock"), daemon.socket);
      const moved = await follow({ socket: proxy.path });
      await rename(proxy.path, `${proxy.path}.away`);
      proxy.cut();
      await vi.waitFor(() => expect(moved.status.connected).toBe(false), wait);
      build("unseen", "unseen:1");
      await rename(`${proxy.path}.away`, proxy.path);
      await vi.waitFor(() => expect(named(moved, "unseen:1")).toBeDefined(), wait);
      proxy.close();
    });

    test("events that never come are found by comparison, counted, and the stream is made anew", async () => {
      const proxy = await startProxy(join(daemon.folder, "half.sock"), daemon.socket);
      const followed = await follow({ socket: proxy.path, compareEveryMs: 300 });
      await vi.waitFor(() => expect(followed.status.connected).toBe(true), wait);
      proxy.silence();
      build("silent", "silent:1");
      await vi.waitFor(() => expect(named(followed, "silent:1")).toBeDefined(), wait);
      await vi.waitFor(() => expect(followed.status.missed).toBe(1), wait);
      // The new stream tells of it at once: no comparison has to find it.
      await vi.waitFor(() => expect(proxy.connections()).toBeGreaterThan(1), wait);
      const { events } = followed.status;
      build("told", "told:1");
      await vi.waitFor(() => expect(followed.status.events).toBeGreaterThan(events), wait);
      await vi.waitFor(() => expect(named(followed, "told:1")).toBeDefined(), wait);
      expect(followed.status.missed).toBe(1);
      proxy.close();
    });

    test("a daemon that takes calls and answers none is given up and tried again", async () => {
      const path = join(daemon.folder, "mute.sock");
      const proxy = await startProxy(path, daemon.socket);
      const followed = await follow({ socket: path, compareEveryMs: 200, callTimeoutMs: 500 });
      proxy.mute(true);
      await vi.waitFor(() => expect(followed.status.error).toBeDefined(), wait);
      build("muted", "muted:1");
      proxy.mute(false);
      proxy.cut();
      await vi.waitFor(() => expect(named(followed, "muted:1")).toBeDefined(), wait);
      proxy.close();
    });

    test("a storm of a thousand tags ends with all of them known", async () => {
      const followed = await follow();
      const docker = new DockerClient({ socketPath: daemon.socket });
      let next = 0;
      const tag = async () => {
        while (next < 1000) {
          const name = `t${next++}`;
          await docker.text("POST", "/images/base:1/tag", { query: { repo: "storm", tag: name } });
        }
      };
      await Promise.all(Array.from({ length: 8 }, tag));
      const storm = () => followed.images.filter(({ name }) => name.startsWith("docker.io/library/storm:"));
      await vi.waitFor(() => expect(storm()).toHaveLength(1000), { ...wait, timeout: 40_000 });
      expect(followed.status.missed).toBe(0);
      docker.close();
    }, 90_000);
  },
);

/** A socket before the daemon's, whose connections can be cut, held back, or made to carry no more events. */
async function startProxy(path: string, to: string) {
  const streams = new Map<Socket, { events: boolean; upstream: Socket }>();
  let muted = false;
  const server: Server = createServer((client) => {
    const upstream = connect(to);
    const entry = { events: false, upstream };
    streams.set(client, entry);
    client.on("data", (data) => {
      if (data.includes("/events")) entry.events = true;
      upstream.write(data);
    });
    upstream.on("data", (data) => {
      if (!muted && !silenced.has(client)) client.write(data);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("error", () => {});
      one.on("close", () => {
        other.destroy();
        streams.delete(client);
      });
    }
  });
  const silenced = new Set<Socket>();
  let eventStreams = 0;
  server.on("connection", (client) => {
    client.once("data", () => setImmediate(() => streams.get(client)?.events && eventStreams++));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const cut = () => {
    for (const client of [...streams.keys()]) client.destroy();
  };
  return {
    path,
    cut,
    /** The event streams of now go on without events. */
    silence() {
      for (const [client, { events }] of streams) if (events) silenced.add(client);
    },
    mute(on: boolean) {
      muted = on;
    },
    connections: () => eventStreams,
    close() {
      cut();
      server.close();
    },
  };
}
