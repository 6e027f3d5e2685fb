import { readFile } from "node:fs/promises";
import { events, nanoPods, pods } from "@podwright/client";
import type { JsonObject, KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Lane, openLane } from "../lane.ts";

let lane: Lane;
beforeAll(async () => {
  lane = await openLane();
});
afterAll(() => lane?.close());

const example = (name: string) => readFile(new URL(`../../examples/nanopod/${name}`, import.meta.url), "utf8");

function nanoPod(namespace: string, name: string, template: JsonObject): KubeObject {
  return {
    apiVersion: "nanopod.nanopod.treezh.cn/v1",
    kind: "NanoPod",
    metadata: { name, namespace },
    spec: { template },
  };
}

function pod(namespace: string, name: string, metadata: JsonObject, container: JsonObject = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, ...metadata },
    spec: { containers: [{ name: "main", image: "app:1", ...container }] },
  };
}

const env = (values: Record<string, string>) => ({
  spec: { containers: [{ name: "main", env: Object.entries(values).map(([name, value]) => ({ name, value })) }] },
});

/** Waits for a pod that the selector and the condition fit. */
async function podWhere(namespace: string, labelSelector: string, fits: (pod: KubeObject) => boolean) {
  const watch = lane.client.resource(pods).watch({ namespace, labelSelector, timeoutSeconds: 25 });
  for await (const { type, object } of watch) {
    if ((type === "ADDED" || type === "MODIFIED") && fits(object)) return object;
  }
  throw new Error(`no such pod in ${namespace} with ${labelSelector}`);
}

test("the README's scenario: the Deployment stays as written, its pod is armed and runs", async () => {
  const namespace = await lane.namespace("nano-pod-test");
  const apply = async (name: string) =>
    lane.kubectl(["apply", "-f", "-"], (await example(name)).replaceAll("nano-pod-test", namespace));

  expect(await apply("my-nano-pod.yaml")).toMatchObject({
    stdout: "nanopod.nanopod.nanopod.treezh.cn/my-nano-pod created\n",
    code: 0,
  });
  const { stdout } = await lane.kubectl(["get", "nanopod", "-n", namespace]);
  expect(stdout).toMatch(/^NAME {10}AGE\nmy-nano-pod {3}\d+s\n$/);
  expect(await apply("mysql.yaml")).toMatchObject({ stdout: "deployment.apps/mysql created\n", code: 0 });

  const armed = await podWhere(namespace, "app=mysql", (candidate) => candidate["status"]?.phase === "Running");
  expect(armed["spec"].containers[0]).toMatchObject({
    name: "mysql",
    env: [
      { name: "MYSQL_ALLOW_EMPTY_PASSWORD", value: "true" },
      { name: "MYSQL_DATABASE", value: "mydb02" },
    ],
    resources: { limits: { cpu: "500m", memory: "512Mi" }, requests: { cpu: "100m", memory: "256Mi" } },
  });
  expect(armed.metadata.annotations?.["podwright.dev/armed-by"]).toBe("my-nano-pod@1");

  const deployment = JSON.parse(
    (await lane.kubectl(["get", "deployment", "mysql", "-n", namespace, "-o", "json"])).stdout,
  );
  expect(deployment.spec.template.spec.containers[0].env).toEqual([{ name: "MYSQL_DATABASE", value: "mydb01" }]);
  expect(deployment.spec.template.spec.containers[0].resources).toEqual({});
});

describe("which NanoPods arm a pod", () => {
  test("default first, then the label's, then the annotation's; the last one wins", async () => {
    const namespace = await lane.namespace("order");
    const nanoPodClient = lane.client.resource(nanoPods);
    await nanoPodClient.create(
      nanoPod(namespace, "default", env({ A: "default", B: "default", C: "default", D: "default" })),
    );
    await nanoPodClient.create(nanoPod(namespace, "by-label", env({ B: "label", C: "label", D: "label" })));
    await nanoPodClient.create(nanoPod(namespace, "one", env({ C: "one", D: "one" })));
    await nanoPodClient.create(nanoPod(namespace, "two", env({ D: "two" })));
    const made = await lane.client
      .resource(pods)
      .create(pod(namespace, "p", { labels: { "nano-pods": "by-label" }, annotations: { "nano-pods": "one, two" } }));
    expect(
      Object.fromEntries(made["spec"].containers[0].env.map((e: { name: string; value: string }) => [e.name, e.value])),
    ).toEqual({ A: "default", B: "label", C: "one", D: "two" });
    expect(made.metadata.annotations?.["podwright.dev/armed-by"]).toBe("default@1,by-label@1,one@1,two@1");
  });

  test("a pod without the label is left alone", async () => {
    const namespace = await lane.namespace("unlabelled");
    await lane.client.resource(nanoPods).create(nanoPod(namespace, "default", env({ A: "1" })));
    const made = await lane.client
      .resource(pods)
      .create(pod(namespace, "p", { annotations: { "nano-pods": "default" } }));
    expect(made["spec"].containers[0].env).toBeUndefined();
    expect(made.metadata.annotations).toEqual({ "nano-pods": "default" });
  });

  test("a NanoPod of another namespace does not count", async () => {
    const [here, there] = [await lane.namespace("here"), await lane.namespace("there")];
    await lane.client.resource(nanoPods).create(nanoPod(there, "elsewhere", env({ A: "1" })));
    const made = await lane.client.resource(pods).create(pod(here, "p", { labels: { "nano-pods": "elsewhere" } }));
    expect(made.metadata.annotations?.["podwright.dev/armed-by"]).toBeUndefined();
  });
});

test("the template's labels and annotations are merged as well", async () => {
  const namespace = await lane.namespace("metadata");
  const template = { metadata: { labels: { team: "a", tier: "back" }, annotations: { "example.com/x": "1" } } };
  await lane.client.resource(nanoPods).create(nanoPod(namespace, "meta", template));
  const made = await lane.client
    .resource(pods)
    .create(pod(namespace, "p", { labels: { "nano-pods": "meta", team: "b", app: "p" } }));
  expect(made.metadata.labels).toEqual({ "nano-pods": "meta", team: "a", app: "p", tier: "back" });
  expect(made.metadata.annotations).toEqual({ "example.com/x": "1", "podwright.dev/armed-by": "meta@1" });
});

test("patch directives and null do what they do in a strategic merge patch", async () => {
  const namespace = await lane.namespace("directives");
  const template = {
    metadata: { labels: { gone: null } },
    spec: {
      "$setElementOrder/containers": [{ name: "helper" }, { name: "main" }],
      containers: [
        { name: "helper", image: "helper:1" },
        { name: "main", command: null, env: [{ name: "ONLY", value: "1" }, { $patch: "replace" }] },
        { name: "unwanted", $patch: "delete" },
      ],
      securityContext: { $patch: "replace", runAsUser: 7 },
      volumes: [{ name: "data", $retainKeys: ["name", "emptyDir"], emptyDir: { medium: "Memory" } }],
    },
  };
  await lane.client.resource(nanoPods).create(nanoPod(namespace, "np", template), { fieldValidation: "Strict" });
  const given = pod(
    namespace,
    "p",
    { labels: { "nano-pods": "np", gone: "x" } },
    { command: ["a"], env: [{ name: "A", value: "0" }] },
  );
  given["spec"].containers.push({ name: "unwanted", image: "u:1" });
  given["spec"].securityContext = { runAsGroup: 5 };
  given["spec"].volumes = [{ name: "data", hostPath: { path: "/data" } }];
  const made = await lane.client.resource(pods).create(given);

  expect(made.metadata.labels).toEqual({ "nano-pods": "np" });
  const { containers, securityContext, volumes } = made["spec"];
  expect(containers.map(({ name }: { name: string }) => name)).toEqual(["helper", "main"]);
  expect(containers[1].command).toBeUndefined();
  expect(containers[1].env).toEqual([{ name: "ONLY", value: "1" }]);
  expect(securityContext).toEqual({ runAsUser: 7 });
  expect(volumes[0]).toEqual({ name: "data", emptyDir: { medium: "Memory" } });
});

test("a changed NanoPod arms the pods that come after, and is named with its new generation", async () => {
  const namespace = await lane.namespace("generation");
  await lane.client.resource(nanoPods).create(nanoPod(namespace, "np", env({ A: "1" })));
  const first = await lane.client.resource(pods).create(pod(namespace, "first", { labels: { "nano-pods": "np" } }));
  await lane.client
    .resource(nanoPods)
    .patch("np", namespace, { spec: { template: env({ A: "2" }) } }, { type: "merge" });

  const second = await podEventually(() =>
    lane.client.resource(pods).create(pod(namespace, "", { generateName: "second-", labels: { "nano-pods": "np" } })),
  );
  expect(second["spec"].containers[0].env).toEqual([{ name: "A", value: "2" }]);
  const unchanged = await lane.client.resource(pods).get(first.metadata.name as string, namespace);
  expect(unchanged["spec"].containers[0].env).toEqual([{ name: "A", value: "1" }]);

  /** Makes pods until one has met the operator that knows the change: it may come there a moment after it was answered. */
  async function podEventually(create: () => Promise<KubeObject>): Promise<KubeObject> {
    for (let tries = 0; ; tries++) {
      const made = await create();
      if (made.metadata.annotations?.["podwright.dev/armed-by"] === "np@2") return made;
      if (tries === 50)
        throw new Error(`armed by ${made.metadata.annotations?.["podwright.dev/armed-by"]} after ${tries} tries`);
    }
  }
});

test("updating an armed pod arms nothing again", async () => {
  const namespace = await lane.namespace("update");
  await lane.client.resource(nanoPods).create(nanoPod(namespace, "np", { metadata: { labels: { armed: "yes" } } }));
  await lane.client.resource(pods).create(pod(namespace, "p", { labels: { "nano-pods": "np" } }));
  const patch = { metadata: { labels: { armed: "no" } } };
  const updated = await lane.client.resource(pods).patch("p", namespace, patch, { type: "merge" });
  expect(updated.metadata.labels).toEqual({ "nano-pods": "np", armed: "no" });
});

describe("a name that no NanoPod has", () => {
  test("is told to the creator as a warning, and the pod is made", async () => {
    const namespace = await lane.namespace("missing");
    const manifest = JSON.stringify(pod(namespace, "p", { labels: { "nano-pods": "no-such" } }));
    const ran = await lane.kubectl(["create", "-f", "-"], manifest);
    expect(ran).toEqual({
      code: 0,
      stdout: "pod/p created\n",
      stderr: `Warning: NanoPod "no-such" not found in namespace "${namespace}": the pod is created without it\n`,
    });
  });

  test("is told to the pod's owner as an event", async () => {
    const namespace = await lane.namespace("missing-owner");
    const manifest = (await example("mysql.yaml")).replaceAll("nano-pod-test", namespace);
    await lane.kubectl(["apply", "-f", "-"], manifest);
    const watch = lane.client
      .resource(events)
      .watch({ namespace, fieldSelector: "reason=NanoPodNotApplied", timeoutSeconds: 25 });
    for await (const { object } of watch) {
      expect(object).toMatchObject({
        type: "Warning",
        involvedObject: { kind: "ReplicaSet", name: expect.stringMatching(/^mysql-/) },
        message: expect.stringMatching(/^Pod mysql-.*: NanoPod "my-nano-pod" not found in namespace /),
      });
      return;
    }
    throw new Error("no event came");
  });
});

describe("a wrong NanoPod", () => {
  test("with a field that a pod template does not have is refused, and the field is named", async () => {
    const namespace = await lane.namespace("wrong");
    const wrong = nanoPod(namespace, "np", { spec: { containers: [{ name: "a", imagee: "x" }] } });
    const ran = await lane.kubectl(["apply", "-f", "-"], JSON.stringify(wrong));
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('strict decoding error: unknown field "spec.template.spec.containers[0].imagee"');
    expect((await lane.kubectl(["get", "nanopods", "-n", namespace, "-o", "name"])).stdout).toBe("");
  });

  test("with a value of the wrong type is refused, and the field is named", async () => {
    const namespace = await lane.namespace("wrong-type");
    const wrong = nanoPod(namespace, "np", { spec: { terminationGracePeriodSeconds: "soon" } });
    const ran = await lane.kubectl(["apply", "-f", "-"], JSON.stringify(wrong));
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect(ran.stderr).toContain(
      'spec.template.spec.terminationGracePeriodSeconds: Invalid value: "string": spec.template.spec.terminationGracePeriodSeconds in body must be of type integer: "string"',
    );
  });

  test("that cannot be merged is told to the creator, and the others arm the pod", async () => {
    const namespace = await lane.namespace("unmergeable");
    await lane.client.resource(nanoPods).create(nanoPod(namespace, "bad", { spec: { containers: [{ image: "x" }] } }));
    await lane.client.resource(nanoPods).create(nanoPod(namespace, "good", env({ A: "1" })));
    const manifest = JSON.stringify(
      pod(namespace, "p", { labels: { "nano-pods": "bad" }, annotations: { "nano-pods": "good" } }),
    );
    const ran = await lane.kubectl(["create", "-f", "-", "-o", "json"], manifest);
    expect(ran.stderr).toContain('Warning: NanoPod "bad" was not merged into the pod: ');
    expect(JSON.parse(ran.stdout).metadata.annotations["podwright.dev/armed-by"]).toBe("good@1");
  });
});
