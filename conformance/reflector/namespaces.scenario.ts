import { configMaps, namespaces, secretReflectors, secrets } from "@podwright/client";
import { type Operator, startOperator } from "@podwright/operator";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";
import { reflecting, reflector, secret, wait } from "./reflecting.ts";

let lane: Lane;
let operator: Operator;
beforeAll(async () => {
  lane = await openLane({ operator: false });
  operator = await startOperator({
    client: lane.client,
    without: ["nanopod", "pack", "redeploy"],
    onError: console.error,
  });
});
afterAll(async () => {
  await operator?.stop();
  await lane?.close();
});
const { create, merge, remove, absent, values } = reflecting(() => lane.client);

test("a namespace that cannot end keeps nothing up, and gets its copy when it is made anew", async () => {
  const source = await lane.namespace("source");
  const stuck = await lane.namespace("stuck");
  const other = await lane.namespace("other");
  const holding = { name: "holding", namespace: stuck, finalizers: ["example.com/hold"] };
  await create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: holding });
  await create(secrets, secret(source, { a: "1" }));
  await create(secretReflectors, reflector(source, { targets: { namespaces: [stuck, other] } }));
  await vi.waitFor(async () => {
    for (const at of [stuck, other]) expect(await values(at)).toEqual({ a: "1" });
  }, wait);

  await lane.client.resource(namespaces).delete(stuck);
  await vi.waitFor(async () => {
    const { metadata } = await lane.client.resource(namespaces).get(stuck);
    expect(metadata.deletionTimestamp).toBeDefined();
    expect(await values(stuck)).toBeUndefined();
  }, wait);
  await merge(secrets, "token", source, { stringData: { a: "2" } });
  await vi.waitFor(async () => expect(await values(other)).toEqual({ a: "2" }), wait);
  await vi.waitFor(async () => {
    const { status } = await lane.client.resource(secretReflectors).get("r", source);
    expect(status).toMatchObject({ targets: 1, copies: 1, conditions: [{ type: "Ready", status: "True" }, {}] });
  }, wait);
  expect(await values(stuck)).toBeUndefined();

  await merge(configMaps, "holding", stuck, { metadata: { finalizers: null } });
  await vi.waitFor(() => absent(namespaces, stuck), wait);
  await create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: stuck } });
  await vi.waitFor(async () => expect(await values(stuck)).toEqual({ a: "2" }), wait);
  await remove(secretReflectors, "r", source);
});

test("a namespace that asks in a wrong way is refused, with what is wrong", async () => {
  const ask = async (text: string) =>
    lane.kubectl(["annotate", "namespace", await lane.namespace("asks"), `podwright.dev/reflect-from=${text}`]);
  expect(await ask("shared/registry, shared")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('"shared": must be NAMESPACE/NAME of a SecretReflector'),
  });
  expect(await ask("shared/registry, other/ca")).toMatchObject({ code: 0 });
});
