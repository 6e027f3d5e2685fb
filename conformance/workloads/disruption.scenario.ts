import { deployments, podDisruptionBudgets, pods } from "@podwright/client";
import { type KubeObject, StatusError } from "@podwright/kube";
import { expect, test } from "vitest";
import { openScene, workload } from "./scene.ts";

const { client, namespace, until, untilGone } = await openScene("disruption");

const deploy = (name: string, replicas: number, pod: object = {}) =>
  client.resource(deployments).create(workload("Deployment", { name, namespace }, { replicas }, { pod }));
const protect = (name: string, app: string, spec: object) =>
  client.resource(podDisruptionBudgets).create({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name, namespace },
    spec: { selector: { matchLabels: { app } }, ...spec },
  });
const reaches = (name: string, wanted: (status: KubeObject["status"]) => boolean) =>
  until(podDisruptionBudgets, name, ({ status }) => status !== undefined && wanted(status));
const podsOf = async (app: string): Promise<string[]> =>
  (await client.resource(pods).list({ namespace, labelSelector: `app=${app}` })).items.map(
    ({ metadata }) => metadata.name ?? "",
  );

async function evict(name: string, more: object = {}): Promise<KubeObject> {
  return client.resource(pods).createSubresource(name, namespace, "eviction", {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name, namespace },
    ...more,
  });
}

async function refusal(name: string): Promise<unknown> {
  const error = await evict(name).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StatusError);
  const { code, reason, message, details } = (error as StatusError).status;
  return { code, reason, message, causes: details?.causes };
}

test("the status counts pods and says what may go", async () => {
  await deploy("web", 3);
  await protect("web", "web", { minAvailable: 2 });
  const { status } = await reaches("web", ({ currentHealthy }) => currentHealthy === 3);
  expect(status).toEqual({
    observedGeneration: 1,
    disruptionsAllowed: 1,
    currentHealthy: 3,
    desiredHealthy: 2,
    expectedPods: 3,
    conditions: [
      {
        type: "DisruptionAllowed",
        status: "True",
        reason: "SufficientPods",
        message: "",
        observedGeneration: 1,
        lastTransitionTime: expect.any(String),
      },
    ],
  });
});

test("shares are of what the controllers want", async () => {
  await deploy("half", 5);
  await protect("half", "half", { maxUnavailable: "50%" });
  const { status } = await reaches("half", ({ currentHealthy }) => currentHealthy === 5);
  expect(status).toMatchObject({ disruptionsAllowed: 3, desiredHealthy: 2, expectedPods: 5 });
});

test("an eviction beyond the budget is refused, one within it deletes the pod", async () => {
  await deploy("few", 2);
  await protect("few", "few", { minAvailable: 2 });
  await reaches("few", ({ currentHealthy }) => currentHealthy === 2);
  const [name = ""] = await podsOf("few");
  expect(await refusal(name)).toEqual({
    code: 429,
    reason: "TooManyRequests",
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    causes: [
      { reason: "DisruptionBudget", message: "The disruption budget few needs 2 healthy pods and has 2 currently" },
    ],
  });
  const minAvailable = { spec: { minAvailable: 1 } };
  await client.resource(podDisruptionBudgets).patch("few", namespace, minAvailable, { type: "merge" });
  await reaches("few", ({ disruptionsAllowed }) => disruptionsAllowed === 1);
  const { resourceVersion = "" } = (await client.resource(pods).get(name, namespace)).metadata;
  const fieldSelector = `metadata.name=${name}`;
  expect(await evict(name)).toMatchObject({ status: "Success", code: 201 });
  const seen = { namespace, fieldSelector, resourceVersion, timeoutSeconds: 25 };
  for await (const { type, object } of client.resource(pods).watch(seen)) {
    if (type !== "DELETED") continue;
    const condition = object["status"].conditions.find((each: { type: string }) => each.type === "DisruptionTarget");
    expect(condition).toMatchObject({
      status: "True",
      reason: "EvictionByEvictionAPI",
      message: "Eviction API: evicting",
    });
    break;
  }
  // The pod is gone and its successor is healthy: another may go.
  await reaches("few", (status) => status.currentHealthy === 2 && status.disruptedPods === undefined);
});

test("pods that are not ready may go where the budget says so", async () => {
  await deploy("sick", 1, { readinessGates: [{ conditionType: "example.com/never" }] });
  await protect("sick", "sick", { minAvailable: 1, unhealthyPodEvictionPolicy: "AlwaysAllow" });
  await reaches("sick", ({ expectedPods }) => expectedPods === 1);
  const [name = ""] = await podsOf("sick");
  await until(pods, name, ({ status }) => status.phase === "Running");
  await evict(name);
  await untilGone(pods, name);
});

test("a pod of two budgets cannot be evicted", async () => {
  await deploy("twice", 1);
  // Upstream tells one budget alone of a pod's changes, whichever it finds first: the pod must be ready before.
  await until(deployments, "twice", ({ status }) => status?.availableReplicas === 1);
  await protect("one", "twice", { minAvailable: 0 });
  await protect("two", "twice", { minAvailable: 0 });
  await reaches("two", ({ currentHealthy }) => currentHealthy === 1);
  const [name = ""] = await podsOf("twice");
  expect(await refusal(name)).toEqual({
    code: 500,
    message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    causes: undefined,
    reason: undefined,
  });
});

test("a pod on trial stays, and is not counted", async () => {
  await deploy("trial", 1);
  await protect("trial", "trial", { maxUnavailable: 1 });
  await reaches("trial", ({ disruptionsAllowed }) => disruptionsAllowed === 1);
  const [name = ""] = await podsOf("trial");
  await evict(name, { deleteOptions: { dryRun: ["All"] } });
  const { status } = await client.resource(podDisruptionBudgets).get("trial", namespace);
  expect(status.disruptionsAllowed).toBe(1);
  expect(await podsOf("trial")).toEqual([name]);
});
