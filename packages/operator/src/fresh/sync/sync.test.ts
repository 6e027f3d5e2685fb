import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { silentLogger, systemClock } from "@podwright/client";
import { contentOf, GrpcConnection, imagesOf } from "@podwright/containerd";
import { type ContainerdProcess, containerdMissing, startContainerd } from "@podwright/containerd/testing";
import { DockerClient } from "@podwright/docker";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { containerdEngine } from "../sources/containerd.ts";
import { FollowedImages } from "../sources/followed-images.ts";
import { type DockerDaemon, dockerMissing, startDockerDaemon } from "../testing/docker-daemon.ts";
import { ociArchive } from "../testing/oci-archive.ts";
import { bringFromDocker } from "./from-docker.ts";
import { bringFromNamespace } from "./from-namespace.ts";
import { startSync } from "./syncer.ts";

const wait = { timeout: 20_000, interval: 20 };
const missing = dockerMissing() ?? containerdMissing();

describe.skipIf(missing !== undefined)(
  `bringing images to the node${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let daemon: DockerDaemon;
    let node: ContainerdProcess;
    let docker: DockerClient;
    let connection: GrpcConnection;
    beforeAll(async () => {
      [daemon, node] = await Promise.all([startDockerDaemon(), startContainerd()]);
      docker = new DockerClient({ socketPath: daemon.socket });
      connection = new GrpcConnection({ socket: node.socket });
    });
    afterAll(async () => {
      connection?.close();
      docker?.close();
      await Promise.all([daemon?.stop(), node?.stop()]);
    });

    test("of an image built in docker only the layers come that are not there, and containerd can unpack it", async () => {
      const folder = join(daemon.folder, "context");
      await mkdir(folder);
      await writeFile(join(folder, "large"), Buffer.alloc(2 << 20, 7));
      const build = async (content: string, tag: string) => {
        await writeFile(join(folder, "small"), content);
        await writeFile(join(folder, "Dockerfile"), "FROM scratch\nCOPY large /large\nCOPY small /small\n");
        return daemon.docker(["build", "-q", "-t", tag, folder]);
      };
      const bring = (name: string) =>
        bringFromDocker(docker, connection, {
          namespace: "k8s.io",
          name: `docker.io/library/${name}`,
          now: Date.now(),
        });

      const first = await build("one", "app:1");
      const all = await bring("app:1");
      expect(all.bytes).toBeGreaterThan(2 << 20);
      await build("two", "app:2");
      const changed = await bring("app:2");
      expect(changed.bytes).toBeLessThan(64 << 10);
      expect(changed.sparedBytes).toBeGreaterThan(2 << 20);

      const image = await imagesOf(connection, "k8s.io").get("docker.io/library/app:1");
      const content = contentOf(connection, "k8s.io");
      const manifest = JSON.parse((await content.readAll(image.target?.digest ?? "")).toString("utf8"));
      expect(manifest.config.digest).toBe(first);
      // Nothing of it is collected, and all of it is there.
      expect(node.ctr("-n", "k8s.io", "images", "check")).toMatch(/app:2.*complete \(3\/3\)/);
      const mounted = join(node.folder, "mounted");
      await mkdir(mounted);
      node.ctr("-n", "k8s.io", "images", "mount", "--snapshotter", "native", "docker.io/library/app:2", mounted);
      expect(await readFile(join(mounted, "small"), "utf8")).toBe("two");
      node.ctr("-n", "k8s.io", "images", "unmount", mounted);
    });

    test("what is built is brought when the node has images of its repository", async () => {
      const followed = new FollowedImages({
        engine: containerdEngine({ socket: node.socket, nodeNamespace: "k8s.io" }),
        clock: systemClock,
        logger: silentLogger,
        onChange: () => sync?.changed(),
      });
      followed.start();
      const target = () => followed.images;
      const options = { socket: node.socket, target, clock: systemClock, logger: silentLogger };
      // A client of its own: the sync closes it.
      const sync = startSync({ ...options, docker: new DockerClient({ socketPath: daemon.socket }) });
      const build = (tag: string) => daemon.docker(["build", "-q", "-t", tag, "-"], `FROM app:1\nLABEL is=${tag}\n`);
      await vi.waitFor(() => expect(followed.images.length).toBeGreaterThan(0), wait);
      await new Promise((resolve) => setTimeout(resolve, 300));
      build("foreign:1");
      const id = build("app:synced");
      const named = (name: string) => followed.images.find((image) => image.name === `docker.io/library/${name}`);
      await vi.waitFor(() => expect(named("app:synced")?.ids[0]).toBe(id), wait);
      expect(named("foreign:1")).toBeUndefined();
      await sync.stop();
      await followed.stop();
    });

    test("an image of another namespace comes to the nodes' one", async () => {
      const name = "docker.io/library/other:1";
      const { archive, id } = await ociArchive({
        names: [name],
        files: { content: { data: Buffer.alloc(1 << 20, 3) } },
      });
      const file = join(node.folder, "other.tar");
      await writeFile(file, archive);
      node.ctr("-n", "default", "images", "import", "--no-unpack", file);
      await bringFromNamespace(connection, { from: "default", namespace: "k8s.io", name, now: Date.now() });
      expect(await contentOf(connection, "k8s.io").info(id)).toBeDefined();
      expect(node.ctr("-n", "k8s.io", "images", "check")).toMatch(/other:1.*complete \(2\/2\)/);
    });
  },
);
