import { deployments } from "@podwright/client";
import { expect, test, vi } from "vitest";
import { startOperatorProcess } from "../packs/operator-process.ts";
import { useFreshScene, workload } from "./scene.ts";

const used = useFreshScene();

test("an operator that ends in the middle of a rollout leaves what the next one needs to take it back", async () => {
  const namespace = await used.scene.freshNamespace("killed");
  const image = `${namespace}/app`;
  await used.scene.report([{ name: `${image}:1`, content: "a" }]);
  await used.scene.create(
    deployments,
    workload(deployments, namespace, `${image}:1`, { spec: { minReadySeconds: 0 } }),
  );
  await used.scene.change(namespace, { spec: { minReadySeconds: 3600, progressDeadlineSeconds: 7200 } });
  await used.scene.report([{ name: `${image}:bad`, content: "b" }]);
  await used.scene.rolledTo(namespace, `${image}:bad`);
  await used.operator.stop();
  used.operator = await used.scene.startOperator({ deadlineMs: 1_000 });
  await used.scene.rolledTo(namespace, `${image}:1`);
  await used.scene.result(namespace, "reverted");
  await used.operator.stop();
  used.operator = await used.scene.startOperator();
});

test("what appears while no operator runs is rolled out by the next one", async () => {
  const namespace = await used.scene.freshNamespace("away");
  const image = `${namespace}/app`;
  await used.scene.report([{ name: `${image}:1`, content: "a" }]);
  await used.scene.create(deployments, workload(deployments, namespace, `${image}:1`));
  await used.operator.stop();
  await used.scene.report([{ name: `${image}:2`, content: "b" }]);
  used.operator = await used.scene.startOperator();
  await used.scene.rolledTo(namespace, `${image}:2`);
});

test("an operator that is killed in the middle of a rollout: the next one takes it back", async () => {
  await used.operator.stop();
  const options = {
    kubeconfig: used.scene.lane.kubeconfig,
    cacheDir: "/tmp",
    lease: `default/fresh-${process.pid}`,
    without: ["nanopod", "pack", "reflector", "redeploy"],
  };
  let running = await startOperatorProcess(options);
  try {
    const namespace = await used.scene.freshNamespace("sigkill");
    const image = `${namespace}/app`;
    await used.scene.report([{ name: `${image}:1`, content: "a" }]);
    const metadata = { annotations: { "podwright.dev/fresh-deadline": "10s" } };
    await used.scene.create(deployments, workload(deployments, namespace, `${image}:1`, { metadata }));
    await used.scene.change(namespace, { spec: { minReadySeconds: 3600, progressDeadlineSeconds: 7200 } });
    await used.scene.report([{ name: `${image}:bad`, content: "b" }]);
    await used.scene.rolledTo(namespace, `${image}:bad`);
    await running.kill();
    // Its webhooks are there still, and nobody answers them.
    await used.scene.report([{ name: `${image}:renamed`, content: "b" }]);
    await used.scene.change(namespace, { metadata: { annotations: { "podwright.dev/fresh-deadline": "1s" } } });
    expect((await used.scene.state(namespace))?.rolls).toMatchObject([{ result: "pending" }]);

    running = await startOperatorProcess(options);
    // The lease of the one that was killed has to run out.
    const long = { timeout: 60_000, interval: 100 };
    await vi.waitFor(async () => expect(await used.scene.imageOf(namespace)).toBe(`${image}:1`), long);
    await used.scene.result(namespace, "reverted");
    await used.scene.settled();
    expect(await used.scene.imageOf(namespace)).toBe(`${image}:1`);
    expect((await used.scene.state(namespace))?.refused).toMatchObject([{ image: `${image}:bad`, quarantined: true }]);
  } finally {
    await running.kill();
    used.operator = await used.scene.startOperator();
  }
}, 120_000);
