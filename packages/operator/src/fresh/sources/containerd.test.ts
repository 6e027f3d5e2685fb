import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { silentLogger, systemClock } from "@podwright/client";
import { type ContainerdProcess, containerdMissing, startContainerd } from "@podwright/containerd/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ociArchive } from "../testing/oci-archive.ts";
import { type RegistryProcess, registryMissing, startRegistry } from "../testing/registry-process.ts";
import { type ContainerdEngineOptions, containerdEngine } from "./containerd.ts";
import { FollowedImages } from "./followed-images.ts";

const missing = containerdMissing();
const wait = { timeout: 20_000, interval: 20 };

describe.skipIf(missing !== undefined)(
  `containerd's images${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let daemon: ContainerdProcess;
    const open: FollowedImages[] = [];
    beforeAll(async () => {
      daemon = await startContainerd();
    });
    afterAll(async () => daemon?.stop());
    afterEach(async () => {
      for (const each of open.splice(0)) await each.stop();
    });

    async function follow(engine: Partial<ContainerdEngineOptions> = {}, compareEveryMs = 3_600_000) {
      const followed = new FollowedImages({
        engine: containerdEngine({ socket: daemon.socket, ...engine }),
        clock: systemClock,
        logger: silentLogger,
        onChange: () => {},
        compareEveryMs,
      });
      open.push(followed);
      followed.start();
      await vi.waitFor(() => expect(followed.status.connected).toBe(true), wait);
      await followed.compare();
      return followed;
    }
    const named = (followed: FollowedImages, name: string) =>
      followed.images.find((image) => image.name === `docker.io/library/${name}`);
    async function importImage(content: string, names: string[], namespace = "k8s.io", created?: string) {
      const image = await ociArchive({
        names: names.map((name) => `docker.io/library/${name}`),
        files: { content: { data: content } },
        labels: { "org.opencontainers.image.revision": content },
        ...(created === undefined ? {} : { created }),
      });
      const file = join(daemon.folder, `${content}.tar`);
      await writeFile(file, image.archive);
      daemon.ctr("-n", namespace, "images", "import", "--no-unpack", file);
      return image;
    }

    test("ctr import, tag and rm are seen as they happen, with digest, build time and revision", async () => {
      const followed = await follow();
      const one = await importImage("one", ["app:1"], "k8s.io", "2026-01-02T03:04:05.678Z");
      await vi.waitFor(() => expect(named(followed, "app:1")).toBeDefined(), wait);
      expect(named(followed, "app:1")).toMatchObject({
        ids: [one.id, one.digest],
        builtAt: Date.parse("2026-01-02T03:04:05Z"),
        revision: "one",
      });
      daemon.ctr("-n", "k8s.io", "images", "tag", "docker.io/library/app:1", "docker.io/library/app:2");
      await vi.waitFor(() => expect(named(followed, "app:2")?.ids).toContain(one.id), wait);
      const two = await importImage("two", ["app:2"]);
      await vi.waitFor(() => expect(named(followed, "app:2")?.ids).toContain(two.id), wait);
      expect(named(followed, "app:2")?.replacedIds).toContain(one.id);
      daemon.ctr("-n", "k8s.io", "images", "rm", "docker.io/library/app:1");
      await vi.waitFor(() => expect(named(followed, "app:1")).toBeUndefined(), wait);
      expect(followed.status.missed).toBe(0);
    });

    test("images of other namespaces are outside, until they come to the nodes' one", async () => {
      const followed = await follow({ nodeNamespace: "k8s.io" });
      const image = await importImage("elsewhere", ["elsewhere:1"], "default");
      await vi.waitFor(() => expect(named(followed, "elsewhere:1")).toMatchObject({ outside: "default" }), wait);
      await importImage("elsewhere", ["elsewhere:1"], "k8s.io");
      await vi.waitFor(() => expect(named(followed, "elsewhere:1")?.outside).toBeUndefined(), wait);
      expect(named(followed, "elsewhere:1")?.ids).toContain(image.id);
    });

    test("a daemon that is killed is found again with what it has", async () => {
      const followed = await follow();
      await daemon.kill();
      await vi.waitFor(() => expect(followed.status.connected).toBe(false), wait);
      await daemon.restart();
      await importImage("restarted", ["restarted:1"]);
      await vi.waitFor(() => expect(named(followed, "restarted:1")).toBeDefined(), wait);
    });

    describe.skipIf(registryMissing() !== undefined)("from a registry", () => {
      let registry: RegistryProcess;
      beforeAll(async () => {
        registry = await startRegistry();
      });
      afterAll(async () => registry?.stop());

      test("ctr pull is seen", async () => {
        const followed = await follow();
        const digest = await registry.push("team/app", "7", "pulled");
        daemon.ctr("-n", "k8s.io", "images", "pull", "--plain-http", `${registry.host}/team/app:7`);
        const pulled = () => followed.images.find(({ name }) => name === `${registry.host}/team/app:7`);
        await vi.waitFor(() => expect(pulled()?.ids).toContain(digest), wait);
        // Its manifest was announced before its configuration had come.
        await vi.waitFor(() => expect(pulled()?.ids).toHaveLength(2), wait);
      });
    });
  },
);
