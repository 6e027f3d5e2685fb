import { configMaps, EventRecorder, events, namespaces } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lane, openLane } from "../lane.ts";

let lane: Lane;
let namespace: string;
let object: KubeObject;
beforeAll(async () => {
  lane = await openLane({ nodes: 0, operator: false });
  namespace = await lane.namespace("events");
  object = await lane.client
    .resource(configMaps)
    .create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "subject", namespace } });
});
afterAll(() => lane?.close());

async function about(name: string, where: string): Promise<KubeObject[]> {
  const fieldSelector = `involvedObject.name=${name},source=recorder-test`;
  return (await lane.client.resource(events).list({ namespace: where, fieldSelector })).items;
}

test("an event is written once and counted up when it happens again", async () => {
  const recorder = new EventRecorder(lane.client, { component: "recorder-test", host: "n1" });
  recorder.event(object, "Normal", "Tried", "it was tried", { fieldPath: "data.x" });
  await recorder.flushed();
  for (let i = 0; i < 3; i++) recorder.event(object, "Normal", "Tried", "it was tried", { fieldPath: "data.x" });
  recorder.event(object, "Warning", "Failed", "it failed");
  await recorder.flushed();
  const written = (await about("subject", namespace)).sort((a, b) => (a["reason"] < b["reason"] ? 1 : -1));
  expect(written).toMatchObject([
    {
      reason: "Tried",
      type: "Normal",
      message: "it was tried",
      count: 4,
      source: { component: "recorder-test", host: "n1" },
      reportingComponent: "recorder-test",
      reportingInstance: "n1",
      involvedObject: {
        apiVersion: "v1",
        kind: "ConfigMap",
        name: "subject",
        namespace,
        uid: object.metadata.uid,
        fieldPath: "data.x",
      },
    },
    { reason: "Failed", type: "Warning", count: 1 },
  ]);

  // Events go after an hour: the next one is written anew, and goes on counting.
  await lane.client.resource(events).delete(written[0]?.metadata.name as string, namespace);
  recorder.event(object, "Normal", "Tried", "it was tried", { fieldPath: "data.x" });
  await recorder.stop();
  expect((await about("subject", namespace)).find((event) => event["reason"] === "Tried")).toMatchObject({ count: 5 });
});

test("an event about an object without a namespace is in default, one the server refuses is dropped", async () => {
  const recorder = new EventRecorder(lane.client, { component: "recorder-test" });
  const gone = { ...object, metadata: { ...object.metadata, namespace: "no-such-namespace" } };
  recorder.event(gone, "Normal", "Lost", "nobody will see this");
  const own = await lane.client.resource(namespaces).get(namespace);
  recorder.event(own, "Normal", "Seen", "it was seen");
  await recorder.stop();
  expect(await about(namespace, "default")).toMatchObject([{ reason: "Seen", metadata: { namespace: "default" } }]);
});
