import { pods } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { expect, test } from "vitest";
import { openScene } from "./scene.ts";

const { lane, client, namespace, until } = await openScene("logs");

async function create(name: string, scripts: string[], spec: object = {}): Promise<void> {
  const containers = scripts.map((script, index) => ({
    name: `c${index}`,
    image: "busybox:1",
    command: ["sh", "-c", script],
  }));
  await client.resource(pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 1, containers, ...spec },
  });
}

const reaches = (name: string, wanted: (object: KubeObject) => boolean) => until(pods, name, wanted);
const phase =
  (wanted: string) =>
  ({ status }: KubeObject) =>
    status.phase === wanted;
const logs = (...args: string[]) => lane.kubectl(["-n", namespace, "logs", ...args]);

test("what a container wrote is there, during its life and after", async () => {
  await create("talker", ["echo one; echo two >&2; echo three; sleep infinity"]);
  await reaches("talker", phase("Running"));
  expect(await logs("talker")).toMatchObject({ code: 0, stdout: "one\ntwo\nthree\n" });
  expect((await logs("talker", "--tail=1")).stdout).toBe("three\n");
  expect((await logs("talker", "--tail=0")).stdout).toBe("");
  expect((await logs("talker", "--limit-bytes=5")).stdout).toBe("one\nt");
  expect((await logs("talker", "--since=1h")).stdout).toBe("one\ntwo\nthree\n");
  expect((await logs("talker", "--since-time=2099-01-01T00:00:00Z")).stdout).toBe("");
  const stamped = (await logs("talker", "--timestamps", "--tail=1")).stdout;
  expect(stamped).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) three\n$/);

  await create("quiet", ["echo last words"]);
  await reaches("quiet", phase("Succeeded"));
  expect((await logs("quiet")).stdout).toBe("last words\n");
});

test("a log is followed to its end", async () => {
  await create("counter", ["for i in 1 2 3; do echo $i; sleep 1; done"]);
  await reaches("counter", ({ status }) => status.phase !== "Pending");
  expect(await logs("counter", "-f")).toMatchObject({ code: 0, stdout: "1\n2\n3\n" });
});

test("the run before is there as well", async () => {
  await create("crasher", ["echo crashing; exit 1"], { restartPolicy: "Always" });
  await reaches("crasher", ({ status }) => (status.containerStatuses?.[0].restartCount ?? 0) > 0);
  expect((await logs("crasher", "--previous")).stdout).toBe("crashing\n");
});

test("a pod of several containers wants one to be named, or all", async () => {
  await create("pair", ["echo a; sleep infinity", "echo b; sleep infinity"]);
  await reaches("pair", phase("Running"));
  expect((await logs("pair", "-c", "c1")).stdout).toBe("b\n");
  expect((await logs("pair", "--all-containers", "--prefix")).stdout.split("\n").sort()).toEqual([
    "",
    "[pod/pair/c0] a",
    "[pod/pair/c1] b",
  ]);
  const path = `/api/v1/namespaces/${namespace}/pods/pair/log`;
  expect((await lane.kubectl(["get", "--raw", path])).stderr).toContain(
    "a container name must be specified for pod pair, choose one of: [c0 c1]",
  );
  expect((await lane.kubectl(["get", "--raw", `${path}?container=c2`])).stderr).toContain(
    "container c2 is not valid for pod pair",
  );
  expect((await lane.kubectl(["get", "--raw", `${path}?container=c0&previous=true`])).stderr).toContain(
    'previous terminated container "c0" in pod "pair" not found',
  );
  expect((await lane.kubectl(["get", "--raw", `${path}?container=c0&tailLines=-1`])).stderr).toContain(
    'PodLogOptions "pair" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
  );
});

test("a container that has not started has no log, and says why", async () => {
  await create("later", ["echo never"], {
    initContainers: [{ name: "first", image: "busybox:1", command: ["sh", "-c", "echo init; sleep infinity"] }],
  });
  await reaches("later", ({ status }) => status.initContainerStatuses?.[0]?.state?.running !== undefined);
  expect((await logs("later", "-c", "first")).stdout).toBe("init\n");
  expect((await logs("later", "-c", "c0")).stderr).toContain(
    'container "c0" in pod "later" is waiting to start: PodInitializing',
  );
});

test("a pod without a node has an empty log, one that is not there none", async () => {
  await create("waiting", ["echo never"], { nodeSelector: { nowhere: "true" } });
  expect(await logs("waiting")).toMatchObject({ code: 0, stdout: "" });
  expect(await logs("nobody")).toMatchObject({ code: 1, stderr: expect.stringContaining('pods "nobody" not found') });
});
