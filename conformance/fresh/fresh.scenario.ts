import { cronJobs, daemonSets, deployments, statefulSets } from "@podwright/client";
import { expect, test, vi } from "vitest";
import { id, templateOf, useFreshScene, wait, workload } from "./scene.ts";

const used = useFreshScene();

test.each([
  ["Deployment", deployments],
  ["StatefulSet", statefulSets],
  ["DaemonSet", daemonSets],
  ["CronJob", cronJobs],
])("a %s gets the new image in the one container that uses its repository, init containers too", async (_kind, ref) => {
  const namespace = await used.scene.freshNamespace("kinds");
  const image = `${namespace}/myimage`;
  await used.scene.report([{ name: `${image}:test`, content: "a" }]);
  const pod = { initContainers: [{ name: "init", image: `docker.io/${image}:test` }] };
  await used.scene.lane.client.resource(ref).create(workload(ref, namespace, `${image}:test`, { pod }));
  await used.scene.report([{ name: `${image}:fixed`, content: "b" }]);
  await used.scene.rolledTo(namespace, `${image}:fixed`, ref);
  const rolled = await used.scene.get(namespace, ref);
  const { spec } = templateOf(rolled);
  expect(spec.containers.map((each: { image: string }) => each.image)).toEqual([`${image}:fixed`, "side:1"]);
  expect(spec.initContainers[0].image).toBe(`docker.io/${image}:fixed`);
  expect(rolled.metadata.managedFields?.some(({ manager }) => manager === "podwright-fresh")).toBe(true);
  await used.scene.tells(namespace, `FreshRolled: Rolled container c from ${image}:test`);
});

test("a burst of three tags is one rollout, to the last of them", async () => {
  const namespace = await used.scene.freshNamespace("burst");
  const image = `${namespace}/app`;
  await used.scene.report([{ name: `${image}:1`, content: "a" }]);
  await used.scene.create(deployments, workload(deployments, namespace, `${image}:1`));
  for (const [tag, content] of [
    ["2", "b"],
    ["3", "c"],
    ["4", "d"],
  ] as const)
    await used.scene.report([{ name: `${image}:${tag}`, content }]);
  await used.scene.rolledTo(namespace, `${image}:4`);
  await used.scene.result(namespace, "ready");
  const revision = "deployment.kubernetes.io/revision";
  expect((await used.scene.get(namespace)).metadata.annotations?.[revision]).toBe("2");
  expect((await used.scene.state(namespace))?.rolls).toHaveLength(1);
});

test("new content under the same tag restarts the pods by an annotation of the template; the same content restarts nothing", async () => {
  const namespace = await used.scene.freshNamespace("same");
  const image = `${namespace}/app`;
  await used.scene.report([{ name: `${image}:dev`, content: "a" }]);
  await used.scene.create(deployments, workload(deployments, namespace, `${image}:dev`));
  await used.scene.report([{ name: `${image}:copy`, content: "a" }]);
  await used.scene.report([{ name: `${image}:dev`, content: "b", replaces: "a" }]);
  await vi.waitFor(async () => {
    const { metadata } = templateOf(await used.scene.get(namespace));
    expect(metadata.annotations?.["image.podwright.dev/c"]).toBe(id("b"));
  }, wait);
  expect(await used.scene.imageOf(namespace)).toBe(`${image}:dev`);
  await used.scene.result(namespace, "ready");
  const { metadata } = await used.scene.get(namespace);
  await used.scene.report([{ name: `${image}:again`, content: "b" }]);
  await used.scene.settled();
  expect((await used.scene.get(namespace)).metadata.generation).toBe(metadata.generation);
});

test("what does not become ready is taken back, and not tried again until a person asks", async () => {
  const namespace = await used.scene.freshNamespace("bad");
  const image = `${namespace}/app`;
  await used.scene.report([{ name: `${image}:1`, content: "a" }]);
  const metadata = { annotations: { "podwright.dev/fresh-deadline": "1s" } };
  await used.scene.create(deployments, workload(deployments, namespace, `${image}:1`, { metadata }));
  // Ready is not enough for it: it is never available.
  await used.scene.change(namespace, { spec: { minReadySeconds: 3600, progressDeadlineSeconds: 7200 } });
  await used.scene.report([{ name: `${image}:bad`, content: "b" }]);
  await used.scene.result(namespace, "reverted");
  expect(await used.scene.imageOf(namespace)).toBe(`${image}:1`);
  await used.scene.tells(
    namespace,
    /FreshReverted: Took container c back from .*:bad .* to .*:1 .*not ready within 1 s/,
  );
  // The same content under another name is as bad.
  await used.scene.report([{ name: `${image}:renamed`, content: "b" }]);
  await used.scene.settled();
  expect(await used.scene.imageOf(namespace)).toBe(`${image}:1`);
  expect((await used.scene.state(namespace))?.refused).toMatchObject([{ image: `${image}:bad`, quarantined: true }]);

  await used.scene.change(namespace, { spec: { minReadySeconds: 0 } });
  // It may take longer than a second now.
  const annotations = { "podwright.dev/fresh-retry": "now", "podwright.dev/fresh-deadline": "1m" };
  await used.scene.change(namespace, { metadata: { annotations } });
  await used.scene.rolledTo(namespace, `${image}:renamed`);
  await used.scene.result(namespace, "ready");
  expect((await used.scene.get(namespace)).metadata.annotations?.["podwright.dev/fresh-retry"]).toBeUndefined();
});

test("an image is rolled out when all nodes that its pods may come to have it", async () => {
  const namespace = await used.scene.freshNamespace("nodes");
  const image = `${namespace}/app`;
  const [first, second] = used.scene.nodeNames as [string, string];
  await used.scene.report([{ name: `${image}:1`, content: "a" }]);
  await used.scene.create(deployments, workload(deployments, namespace, `${image}:1`));
  await used.scene.report([{ name: `${image}:2`, content: "b" }], [first]);
  await used.scene.tells(namespace, new RegExp(`FreshWaiting: .*${image}:2 .* is not on the node ${second}`));
  expect(await used.scene.imageOf(namespace)).toBe(`${image}:1`);
  await used.scene.report([{ name: `${image}:2`, content: "b" }], [second]);
  await used.scene.rolledTo(namespace, `${image}:2`);
});
