import { readFileSync, writeFileSync } from "node:fs";
import { clusterRoles } from "@podwright/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Lane, onRealCluster, openLane } from "../lane.ts";
import { compactPolicy } from "./compact-policy.ts";

const file = new URL("../../packages/apiserver/src/authorization/bootstrap-policy.json", import.meta.url);

let lane: Lane;
beforeAll(async () => {
  lane = await openLane({ nodes: 0, operator: false });
});
afterAll(() => lane.close());

test("a new cluster has the roles and bindings that a real API server begins with", async () => {
  const policy = await compactPolicy(lane.client);
  if (onRealCluster && process.env["RECORD"] === "1") {
    const lines = (entries: object[]) => entries.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n");
    const { roles, bindings } = policy;
    writeFileSync(file, `{\n  "roles": [\n${lines(roles)}\n  ],\n  "bindings": [\n${lines(bindings)}\n  ]\n}\n`);
  }
  expect(policy).toEqual(JSON.parse(readFileSync(file, "utf8")));
});

test("the rules of admin, edit and view are those of the roles they aggregate", async () => {
  const rulesOf = async (name: string) => (await lane.client.resource(clusterRoles).get(name))["rules"];
  await vi.waitFor(async () => expect((await rulesOf("admin")).length).toBeGreaterThan(20), 20_000);
  const contributors = ["system:aggregate-to-edit", "system:aggregate-to-view"];
  const expected = (await Promise.all(contributors.map(rulesOf))).flat();
  expect(await rulesOf("edit")).toEqual(expect.arrayContaining(expected));
  expect(await rulesOf("admin")).toEqual(expect.arrayContaining(expected));
});
