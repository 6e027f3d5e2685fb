import { EventRecorder, events, Informer, namespaces, nanoPods, replicaSets } from "@podwright/client";
import { type Cluster, startCluster } from "@podwright/cluster";
import type { KubeObject } from "@podwright/kube";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startOperator } from "../operator.ts";
import type { AdmissionHandler, AdmissionRequest } from "../webhook/server.ts";
import { armedByKey, type NanoPod } from "./nanopod.ts";
import { createArmingHandler } from "./webhook.ts";

let cluster: Cluster;
let informer: Informer<NanoPod>;
let recorder: EventRecorder;
let arm: AdmissionHandler;

beforeEach(async () => {
  cluster = await startCluster({ nodes: 0 });
  // Installs the kind, and goes: the handler under test is asked directly.
  const operator = await startOperator({ client: cluster.client });
  await operator.stop();
  informer = new Informer<NanoPod>(cluster.client.resource<NanoPod>(nanoPods));
  informer.start();
  await informer.synced();
  recorder = new EventRecorder(cluster.client, { component: "podwright" });
  arm = createArmingHandler(informer, recorder);
});
afterEach(async () => {
  await informer.stop();
  await recorder.stop();
  await cluster.stop();
});

const pod = (label: string, more: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { generateName: "p-", labels: { "nano-pods": label }, ...more },
  spec: { containers: [{ name: "c", image: "i" }] },
});

const review = (object: KubeObject, more: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
  uid: "u",
  operation: "CREATE",
  namespace: "default",
  object,
  ...more,
});

const kindOf = { apiVersion: `${nanoPods.group}/${nanoPods.version}`, kind: nanoPods.kind };
const createNanoPod = (name: string, namespace = "default") =>
  cluster.client.resource(nanoPods).create({
    ...kindOf,
    metadata: { name, namespace },
    spec: { template: { spec: { priority: 7 } } },
  } as KubeObject);

const warning = (name: string, namespace = "default") =>
  `NanoPod "${name}" not found in namespace "${namespace}": the pod is created without it`;

test("a NanoPod that arrives just after its pod arms it", async () => {
  const [answer] = await Promise.all([arm(review(pod("late"))), createNanoPod("late")]);
  expect(answer.warnings).toBeUndefined();
  expect(answer.patch).toContainEqual({
    op: "add",
    path: "/metadata/annotations",
    value: { [armedByKey]: "late@1" },
  });
});

test("many pods wait for one NanoPod together", async () => {
  const answers = Promise.all(Array.from({ length: 20 }, () => arm(review(pod("shared")))));
  await createNanoPod("shared");
  for (const { warnings, patch } of await answers) {
    expect(warnings).toBeUndefined();
    expect(patch).not.toEqual([]);
  }
});

test("a name that does not exist is a warning, is not waited for again, and is found once it is there", async () => {
  expect(await arm(review(pod("absent")))).toMatchObject({ allowed: true, warnings: [warning("absent")] });
  // Known to be absent: the answer comes before any timer can fire.
  const second = arm(review(pod("absent")));
  const turn = new Promise((resolve) => setTimeout(resolve, 0, "a timer"));
  expect(await Promise.race([second, turn])).toMatchObject({ warnings: [warning("absent")] });

  await createNanoPod("absent");
  await expect.poll(() => informer.get("absent", "default")).toBeDefined();
  expect((await arm(review(pod("absent")))).warnings).toBeUndefined();
});

test("a NanoPod of another namespace is none", async () => {
  await cluster.client
    .resource(namespaces)
    .create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "other" } });
  await createNanoPod("elsewhere", "other");
  expect((await arm(review(pod("elsewhere")))).warnings).toEqual([warning("elsewhere")]);
  expect((await arm(review(pod("elsewhere"), { namespace: "other" }))).warnings).toBeUndefined();
});

test("the pod's owner gets an event, but not for a dry run", async () => {
  const owner = await cluster.client.resource(replicaSets).create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "owner", namespace: "default" },
    spec: {
      replicas: 0,
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: pod("x")["spec"] },
    },
  });
  const owned = (label: string) =>
    pod(label, {
      ownerReferences: [
        { apiVersion: "apps/v1", kind: "ReplicaSet", name: "owner", uid: owner.metadata.uid, controller: true },
      ],
    });
  expect((await arm(review(owned("dry"), { dryRun: true }))).warnings).toEqual([warning("dry")]);
  expect((await arm(review(owned("wet")))).warnings).toEqual([warning("wet")]);
  const about = async () =>
    (await cluster.client.resource(events).list({ namespace: "default" })).items
      .filter(({ reason }) => reason === "NanoPodNotApplied")
      .map(({ message, involvedObject }) => ({ message, about: involvedObject.name }));
  await expect.poll(about).toEqual([{ message: `Pod p-*: ${warning("wet")}`, about: "owner" }]);
});

test("what is no creation of a pod is left as it is", async () => {
  expect(await arm(review(pod("x"), { operation: "UPDATE" }))).toEqual({ allowed: true });
  expect(await arm(review(pod("x"), { operation: "DELETE", object: null }))).toEqual({ allowed: true });
  expect(await arm({ uid: "u", operation: "CREATE" })).toEqual({ allowed: true });
});
