import { fileURLToPath } from "node:url";
import { cronJobs, daemonSets, deployments, nodeImages, type ResourceRef, statefulSets } from "@podwright/client";
import { DockerClient } from "@podwright/docker";
import { type Operator, startOperator } from "@podwright/operator";
import {
  type DockerDaemon,
  dockerEngine,
  dockerMissing,
  type RegistryProcess,
  registryMissing,
  startDockerDaemon,
  startRegistry,
} from "@podwright/operator/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../kubectl.ts";
import { type Lane, openLane } from "../lane.ts";

const missing = dockerMissing() ?? registryMissing();
const wait = { timeout: 20_000, interval: 20 };
const main = fileURLToPath(new URL("../../packages/cli/bin/main.mjs", import.meta.url));

describe.skipIf(missing !== undefined)(`with docker${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  let lane: Lane;
  let operator: Operator;
  let daemon: DockerDaemon;
  let registry: RegistryProcess;
  let namespace: string;
  const start = () =>
    startOperator({
      client: lane.client,
      without: ["nanopod", "pack", "reflector", "redeploy"],
      fresh: {
        scope: "all",
        settleMs: 200,
        engine: async () => dockerEngine(new DockerClient({ socketPath: daemon.socket })),
      },
      onError: console.error,
    });
  beforeAll(async () => {
    [lane, daemon, registry] = await Promise.all([openLane({ operator: false }), startDockerDaemon(), startRegistry()]);
    daemon.docker(["import", "-", "base:1"], Buffer.alloc(1024));
    build("test", "myimage:test");
    operator = await start();
    namespace = await lane.namespace("docker");
    await vi.waitFor(async () => expect((await reported()).length).toBeGreaterThan(0), wait);
  });
  afterAll(async () => {
    await operator?.stop();
    await lane?.client
      .resource(nodeImages)
      .delete("this-machine")
      .catch(() => {});
    await lane?.close();
    await Promise.all([daemon?.stop(), registry?.stop()]);
  });

  const build = (content: string, ...tags: string[]) =>
    daemon.docker(
      ["build", "-q", ...tags.flatMap((tag) => ["-t", tag]), "-"],
      `FROM base:1\nLABEL content=${content}\n`,
    );
  async function reported(): Promise<string[]> {
    const { items } = await lane.client.resource(nodeImages).list();
    return items.flatMap(({ status }) => status?.images.map(({ name }: { name: string }) => name) ?? []);
  }
  /** What is loaded or pulled and first seen together has no order: the one that is to be followed comes first. */
  const seen = (name: string) => vi.waitFor(async () => expect(await reported()).toContain(name), wait);
  /** Takes a name away, and sees to it that this was seen. */
  async function forget(image: string, name: string): Promise<void> {
    await vi.waitFor(async () => expect(await reported()).toContain(name), wait);
    daemon.docker(["rmi", image]);
    await vi.waitFor(async () => expect(await reported()).not.toContain(name), wait);
  }
  async function deploy(ref: ResourceRef, name: string, image: string): Promise<void> {
    const template = {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "c", image }], ...(ref === cronJobs ? { restartPolicy: "Never" } : {}) },
    };
    await lane.client.resource(ref).create({
      apiVersion: ref === cronJobs ? "batch/v1" : "apps/v1",
      kind: ref.kind,
      metadata: { name, namespace },
      spec:
        ref === cronJobs
          ? { schedule: "0 0 1 1 *", jobTemplate: { spec: { template } } }
          : {
              ...(ref === statefulSets ? { serviceName: name } : {}),
              selector: { matchLabels: { app: name } },
              template,
            },
    });
  }
  async function image(ref: ResourceRef, name: string): Promise<string> {
    const object = await lane.client.resource(ref).get(name, namespace);
    const { template } = ref === cronJobs ? object["spec"].jobTemplate.spec : object["spec"];
    return template.spec.containers[0].image;
  }
  const gets = (name: string, expected: string, ref: ResourceRef = deployments) =>
    vi.waitFor(async () => expect(await image(ref, name)).toBe(expected), wait);
  const podwright = (...args: string[]) =>
    run(process.execPath, [main, "fresh", ...args, "-n", namespace, "--kubeconfig", lane.kubeconfig]);

  test("the cluster runs myimage:test, `docker build -t myimage:fixed .`, and every workload runs myimage:fixed", async () => {
    const kinds = [deployments, statefulSets, daemonSets, cronJobs];
    for (const ref of kinds) await deploy(ref, "mine", "myimage:test");
    build("fixed", "myimage:fixed");
    for (const ref of kinds) await gets("mine", "myimage:fixed", ref);
  });

  let tries = 0;
  /** A repository that no try before this one has used. */
  const repository = (name: string): string => `${name}${++tries}`;

  test("docker tag is rolled out likewise", async () => {
    const [name, other] = [repository("tagged"), repository("elsewhere")];
    build("tag-1", `${name}:1`);
    await seen(`docker.io/library/${name}:1`);
    await deploy(deployments, name, `${name}:1`);
    build("tag-2", `${other}:2`);
    daemon.docker(["tag", `${other}:2`, `${name}:2`]);
    await gets(name, `${name}:2`);
  }, 60_000);

  test("docker load is rolled out likewise", async () => {
    const name = repository("loaded");
    build("load-1", `${name}:1`);
    build("load-2", `${name}:2`);
    const file = `${daemon.folder}/${name}.tar`;
    daemon.docker(["save", "-o", file, `${name}:2`]);
    await forget(`${name}:2`, `docker.io/library/${name}:2`);
    await deploy(deployments, name, `${name}:1`);
    daemon.docker(["load", "-i", file]);
    await gets(name, `${name}:2`);
  }, 60_000);

  test("docker pull is rolled out likewise", async () => {
    const own = repository("app");
    const name = `${registry.host}/team/${own}`;
    for (const tag of ["1", "2"]) {
      build(`pull-${tag}`, `${name}:${tag}`);
      daemon.docker(["push", `${name}:${tag}`]);
    }
    await forget(`${name}:2`, `${name}:2`);
    await deploy(deployments, own, `${name}:1`);
    daemon.docker(["pull", `${name}:2`]);
    await gets(own, `${name}:2`);
  }, 60_000);

  test("a build that tags three names is one rollout, and a rebuilt tag restarts the pods", async () => {
    build("burst-1", "burst:1");
    await deploy(deployments, "burst", "burst:1");
    await vi.waitFor(async () => {
      const { status } = await lane.client.resource(deployments).get("burst", namespace);
      expect(status?.readyReplicas).toBe(1);
    }, wait);
    build("burst-2", "burst:2", "burst:2.0", "burst:2.0.0");
    await vi.waitFor(async () => expect(await image(deployments, "burst")).toMatch(/^burst:2/), wait);
    const revision = async () => {
      const { metadata } = await lane.client.resource(deployments).get("burst", namespace);
      return metadata.annotations?.["deployment.kubernetes.io/revision"];
    };
    await vi.waitFor(async () => expect(await revision()).toBe("2"), wait);
    const now = await image(deployments, "burst");
    const id = build("burst-3", now);
    await vi.waitFor(async () => {
      const { spec } = await lane.client.resource(deployments).get("burst", namespace);
      expect(spec?.template.metadata.annotations?.["image.podwright.dev/c"]).toBe(id);
    }, wait);
  });

  test("podwright fresh tells and decides", async () => {
    build("cli-1", "cli:1");
    await deploy(deployments, "cli", "cli:1");
    build("cli-2", "cli:2");
    await gets("cli", "cli:2");
    await vi.waitFor(
      async () => expect((await podwright("status")).stdout).toMatch(/deployment\/cli +c +cli:2 .* ready/),
      wait,
    );
    const history = await podwright("history", "cli");
    expect(history.stdout).toMatch(/c +cli:1 \w{12} +cli:2 \w{12} +\w+ +newest, from docker/);
    expect((await podwright("pause", "deployment/cli")).stdout).toContain("gets no new images");
    build("cli-3", "cli:3");
    build("mark-1", "mark:1");
    await deploy(deployments, "mark", "mark:1");
    build("mark-2", "mark:2");
    await gets("mark", "mark:2");
    expect(await image(deployments, "cli")).toBe("cli:2");
    await podwright("resume", "deploy/cli");
    await gets("cli", "cli:3");
    expect(await podwright("retry", "cli")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nothing was refused"),
    });
    expect(await podwright("history", "nothing/x")).toMatchObject({ code: 2 });
    expect(await podwright("history", "deployment/none")).toMatchObject({ code: 1 });
  });

  test("what comes while no operator runs is rolled out by the next one, the last of it; a storm of tags of the same content is one rollout", async () => {
    build("away-1", "away:1");
    await deploy(deployments, "away", "away:1");
    await vi.waitFor(async () => expect(await reported()).toContain("docker.io/library/away:1"), wait);
    await operator.stop();
    build("away-3", "elsewhere:away");
    build("away-2", "away:second");
    daemon.docker(["tag", "elsewhere:away", "away:last"]);
    operator = await start();
    // The one that was built first was given its name last.
    await gets("away", "away:last");

    const docker = new DockerClient({ socketPath: daemon.socket });
    build("storm", "source:1");
    for (let tag = 0; tag < 200; tag++) {
      await docker.text("POST", "/images/source:1/tag", { query: { repo: "away", tag: `storm-${tag}` } });
    }
    docker.close();
    await vi.waitFor(async () => expect(await image(deployments, "away")).toMatch(/^away:storm-/), wait);
  });
});
