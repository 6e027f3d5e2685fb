import { systemClock } from "@podwright/clock";
import { openRuntimeMachines } from "@podwright/cluster/runtime-contract";
import {
  createContainer,
  DockerClient,
  type DockerEvent,
  inspectImage,
  listImages,
  loadImage,
  removeContainer,
  saveImage,
  startContainer,
  tagImage,
  watchEvents,
} from "@podwright/docker";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Dockerd, startDockerd } from "../machine/dockerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { missingFor } from "../machine/programs.ts";
import { startRegistry } from "../machine/registry.ts";

const missing = missingFor("dockerd", "docker", "docker-registry");
const waiting = { timeout: 30_000, interval: 50 };

describe.skipIf(missing !== undefined)(
  `docker's Engine API${missing ? `: ${missing}` : ""}`,
  { timeout: 60_000 },
  () => {
    let folder: string;
    let dockerd: Dockerd;
    let docker: DockerClient;

    beforeAll(async () => {
      folder = await shortFolder("pwc-");
      dockerd = await startDockerd({ folder });
      await dockerd.load({ name: "docker.io/library/busybox:1.36" });
      docker = new DockerClient({ socketPath: dockerd.socket });
    }, 60_000);
    afterAll(async () => {
      docker?.close();
      await dockerd?.stop();
      if (folder) await removeFolder(folder);
    }, 60_000);

    test("errors have the daemon's status and text", async () => {
      expect(await docker.version()).toMatch(/^1\.\d\d$/);
      await expect(startContainer(docker, "nobody")).rejects.toMatchObject({
        name: "DockerError",
        status: 404,
        message: "No such container: nobody",
      });
      await expect(createContainer(docker, "x", { Image: "no/such:image" })).rejects.toMatchObject({ status: 404 });
      await removeContainer(docker, "nobody", true);
    });

    test("images are listed, tagged, saved and loaded", async () => {
      await tagImage(docker, "busybox:1.36", "localhost:1/team/box", "x");
      const image = await inspectImage(docker, "localhost:1/team/box:x");
      expect(image?.RepoTags?.sort()).toEqual(["busybox:1.36", "localhost:1/team/box:x"]);
      const saved = await saveImage(docker, "localhost:1/team/box:x");
      await dockerd.docker("rmi", "localhost:1/team/box:x");
      expect(await inspectImage(docker, "localhost:1/team/box:x")).toBeUndefined();
      expect((await loadImage(docker, saved)).join()).toContain("localhost:1/team/box:x");
      expect((await listImages(docker)).flatMap(({ RepoTags }) => RepoTags ?? [])).toContain("localhost:1/team/box:x");
    });

    test("many requests at once, and slow ones beside them", async () => {
      const slow = Array.from({ length: 40 }, () => docker.stream("GET", "/events"));
      const streams = await Promise.all(slow);
      await Promise.all(Array.from({ length: 200 }, () => docker.json("GET", "/containers/json")));
      for (const stream of streams) stream.on("error", () => {}).destroy();
    });

    test("events go on over a restart of the daemon", async () => {
      const events: DockerEvent[] = [];
      let lost: number | undefined;
      let connected = 0;
      const watch = watchEvents({
        docker,
        filters: { type: ["image"] },
        onEvent: (event) => events.push(event),
        onConnected: () => {
          connected += 1;
        },
        onLost: (error) => {
          lost = error.status;
        },
      });
      await watch.connected;
      await tagImage(docker, "busybox:1.36", "one", "1");
      await vi.waitFor(() => expect(events.map(({ Action }) => Action)).toEqual(["tag"]), waiting);
      await dockerd.stop();
      await vi.waitFor(() => expect(lost).toBe(0), waiting);
      await expect(docker.json("GET", "/info")).rejects.toMatchObject({ status: 0 });
      await dockerd.startAgain();
      await vi.waitFor(() => expect(connected).toBe(2), waiting);
      await tagImage(docker, "busybox:1.36", "two", "2");
      await vi.waitFor(() => expect(events.map(({ Action }) => Action)).toEqual(["tag", "tag"]), waiting);
      await watch.close();
    });

    test("a private registry: with the right credentials only, and the image's id is its digest", async () => {
      const registry = await startRegistry({ folder, password: true });
      const server = registry.host.replace("127.0.0.1", "localhost");
      const machines = await openRuntimeMachines({
        runtime: "docker",
        clusterId: "c0ffee000002",
        temporary: true,
        podCidr: "10.101.28.0/22",
        env: { DOCKER_HOST: `unix://${dockerd.socket}` },
        clock: systemClock,
      });
      const runtime = machines.main.runtime("node", "", { exited: () => {} });
      try {
        const name = `${server}/team/box:1`;
        await dockerd.docker("tag", "busybox:1.36", name);
        await dockerd.docker("login", "-u", "me", "-p", "secret", server);
        await dockerd.docker("push", name);
        await dockerd.docker("rmi", name);
        const { signal } = new AbortController();
        const wrong = { username: "me", password: "wrong", server };
        await expect(runtime.pullImage(name, { credentials: [], signal })).rejects.toMatchObject({
          name: "ImagePullError",
          message: expect.stringMatching(/^Error response from daemon: .*no basic auth credentials/),
        });
        await expect(runtime.pullImage(name, { credentials: [wrong], signal })).rejects.toThrow(
          /unauthorized|no basic auth/,
        );
        const right = { username: "me", password: "secret", server };
        const image = await runtime.pullImage(name, { credentials: [wrong, right], signal });
        expect(image.id).toMatch(new RegExp(`^${server}/team/box@sha256:[0-9a-f]{64}$`));
        expect(await runtime.findImage(name)).toEqual(image);
        await expect(runtime.pullImage(`${server}/team/none:1`, { credentials: [right], signal })).rejects.toThrow(
          /manifest unknown|not found/,
        );
      } finally {
        await runtime.close();
        await machines.close();
        await registry.stop();
      }
    });
  },
);
