import { cronJobs, deployments, namespaces } from "@podwright/client";
import { expect, test } from "vitest";
import { stateKey, useFreshScene, workload } from "./scene.ts";

const used = useFreshScene();

test("kubectl rollout undo is a person's no", async () => {
  const namespace = await used.scene.freshNamespace("undo");
  const image = `${namespace}/app`;
  await used.scene.report([{ name: `${image}:1`, content: "a" }]);
  await used.scene.create(deployments, workload(deployments, namespace, `${image}:1`));
  await used.scene.report([{ name: `${image}:2`, content: "b" }]);
  await used.scene.rolledTo(namespace, `${image}:2`);
  await used.scene.result(namespace, "ready");
  const undone = await used.scene.lane.kubectl(["-n", namespace, "rollout", "undo", "deployment/web"]);
  expect(undone.stderr).toBe("");
  await used.scene.rolledTo(namespace, `${image}:1`);
  await used.scene.result(namespace, "undone");
  await used.scene.report([{ name: `${image}:two`, content: "b" }]);
  await used.scene.settled();
  expect(await used.scene.imageOf(namespace)).toBe(`${image}:1`);
  await used.scene.report([{ name: `${image}:3`, content: "c" }]);
  await used.scene.rolledTo(namespace, `${image}:3`);
});

test.each(["newest", "semver:^1"])(
  "a rollout that is undone while no operator runs is a no as well, with %s",
  async (policy) => {
    const namespace = await used.scene.freshNamespace("offline");
    const image = `${namespace}/app`;
    await used.scene.report([{ name: `${image}:1.0.0`, content: "a" }]);
    const metadata = { annotations: { "podwright.dev/fresh-policy": policy } };
    await used.scene.create(deployments, workload(deployments, namespace, `${image}:1.0.0`, { metadata }));
    await used.scene.report([{ name: `${image}:1.1.0`, content: "b" }]);
    await used.scene.rolledTo(namespace, `${image}:1.1.0`);
    await used.scene.result(namespace, "ready");
    await used.operator.stop();
    await used.scene.lane.kubectl(["-n", namespace, "rollout", "undo", "deployment/web"]);
    used.operator = await used.scene.startOperator();
    await used.scene.result(namespace, "undone");
    await used.scene.settled();
    expect(await used.scene.imageOf(namespace)).toBe(`${image}:1.0.0`);
    expect((await used.scene.state(namespace))?.refused).toMatchObject([
      { image: `${image}:1.1.0`, quarantined: true },
    ]);
    await used.scene.report([{ name: `${image}:1.2.0`, content: "c" }]);
    await used.scene.rolledTo(namespace, `${image}:1.2.0`);
  },
);

test("what is paused waits, what has another policy follows it, and nothing is touched that does not ask", async () => {
  const namespace = await used.scene.freshNamespace("paused");
  const image = `${namespace}/app`;
  const unlabelled = await used.scene.lane.namespace("not");
  await used.scene.report([{ name: `${image}:1.0.0`, content: "a" }]);
  const paused = { annotations: { "podwright.dev/fresh-paused": "true", "podwright.dev/fresh-policy": "semver:^1" } };
  await used.scene.create(deployments, workload(deployments, namespace, `${image}:1.0.0`, { metadata: paused }));
  await used.scene.create(deployments, workload(deployments, unlabelled, `${image}:1.0.0`));
  await used.scene.report([
    { name: `${image}:1.1.0`, content: "b" },
    { name: `${image}:2.0.0`, content: "c" },
  ]);
  await used.scene.settled();
  expect(await used.scene.imageOf(namespace)).toBe(`${image}:1.0.0`);
  const annotations = { "podwright.dev/fresh-paused": null };
  await used.scene.change(namespace, { metadata: { annotations } });
  await used.scene.rolledTo(namespace, `${image}:1.1.0`);
  expect(await used.scene.imageOf(unlabelled)).toBe(`${image}:1.0.0`);
});

test("an image that is gone before the burst is over is rolled out nowhere; names and annotations that are wrong harm nobody", async () => {
  const namespace = await used.scene.freshNamespace("gone");
  const image = `${namespace}/app`;
  await used.scene.report([{ name: `${image}:1`, content: "a" }]);
  await used.scene.create(deployments, workload(deployments, namespace, `${image}:1`));
  const wrong = await used.scene.freshNamespace("wrong");
  const metadata = { annotations: { [stateKey]: "{", "podwright.dev/fresh-policy": "regex:(" } };
  // Written while nobody refuses it.
  await used.operator.stop();
  await used.scene.create(deployments, workload(deployments, wrong, `${image}:1`, { metadata }));
  // Long enough for an image to go within the burst, on a busy machine too.
  used.operator = await used.scene.startOperator({ gatherMs: 2_000 });
  await used.scene
    .create(deployments, {
      ...workload(deployments, wrong, "x@y@z//:::"),
      metadata: { name: "malformed", namespace: wrong },
    })
    .catch(() => {});
  await used.scene.report([
    { name: `${image}:2`, content: "b" },
    { name: "UPPER/::@", content: "c" },
  ]);
  await used.scene.report([], used.scene.nodeNames, [`${image}:2`, "UPPER/::@"]);
  await used.scene.settled();
  expect(await used.scene.imageOf(namespace)).toBe(`${image}:1`);
  expect(await used.scene.imageOf(wrong)).toBe(`${image}:1`);
  await used.scene.tells(
    wrong,
    /InvalidFreshPolicy: metadata.annotations\[podwright.dev\/fresh-policy\]: the policy "regex:\("/,
  );
  await used.operator.stop();
  used.operator = await used.scene.startOperator();
});

test.each([
  ["podwright.dev/fresh-policy", "latest", 'the policy "latest" is none of newest, semver:RANGE, glob:PATTERN'],
  ["podwright.dev/fresh-policy", "semver:^a", 'the policy "semver:^a" has no range of versions that can be read'],
  ["podwright.dev/fresh-deadline", "soon", '"soon": must be a duration such as "30s" or "5m"'],
  ["podwright.dev/fresh-paused", "yes", '"yes": must be "true" or "false"'],
])("a wrong %s: %s is refused on workloads and namespaces where it is written", async (key, value, why) => {
  const namespace = await used.scene.freshNamespace("refused");
  const metadata = { annotations: { [key]: value } };
  const message = expect.stringContaining(`metadata.annotations[${key}]: ${why}`);
  for (const ref of [deployments, cronJobs]) {
    await expect(
      used.scene.lane.client.resource(ref).create(workload(ref, namespace, "app:1", { metadata })),
    ).rejects.toMatchObject({ code: 422, message });
  }
  const wished = used.scene.lane.client
    .resource(namespaces)
    .patch(namespace, undefined, { metadata }, { type: "merge" });
  await expect(wished).rejects.toMatchObject({ code: 422, message });
  const said = await used.scene.lane.kubectl(["annotate", "namespace", namespace, `${key}=${value}`]);
  expect(said).toMatchObject({ code: 1, stderr: expect.stringContaining(why) });
});

test("a label that says neither yes nor no is refused, and what is right is taken", async () => {
  const namespace = await used.scene.freshNamespace("labelled");
  const said = await used.scene.lane.kubectl([
    "label",
    "--overwrite",
    "namespace",
    namespace,
    "podwright.dev/fresh=yes",
  ]);
  expect(said.stderr).toContain('metadata.labels[podwright.dev/fresh]: "yes": must be "true" or "false"');
  const annotations = { "podwright.dev/fresh-policy": "semver:>=1 <3", "podwright.dev/fresh-deadline": "5m" };
  await used.scene.create(deployments, workload(deployments, namespace, "app:1", { metadata: { annotations } }));
});
