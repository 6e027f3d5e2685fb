import { configMaps } from "@podwright/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lane, openLane } from "../lane.ts";

let lane: Lane;
let namespace: string;
beforeAll(async () => {
  lane = await openLane({ nodes: 0, operator: false });
  namespace = await lane.namespace("apply");
});
afterAll(() => lane?.close());

test("an object is applied, and a conflict with another manager is told unless it is forced", async () => {
  const resource = lane.client.resource(configMaps);
  const object = (data: Record<string, string>) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "c", namespace },
    data,
  });
  const apply = (data: Record<string, string>, fieldManager: string, force = false) =>
    resource.patch("c", namespace, object(data), { type: "apply", fieldManager, force });

  const applied = await apply({ a: "1" }, "one");
  expect(applied.metadata.managedFields?.[0]).toMatchObject({ manager: "one", operation: "Apply" });
  await expect(apply({ a: "2" }, "two")).rejects.toMatchObject({ code: 409, reason: "Conflict" });
  expect((await apply({ a: "2" }, "two", true))["data"]).toEqual({ a: "2" });
});
