import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lane, openLane } from "../lane.ts";

let lane: Lane;
let namespace: string;
beforeAll(async () => {
  lane = await openLane({ nodes: 0, operator: false });
  namespace = await lane.namespace("ssa");
});
afterAll(() => lane?.close());

function configMap(name: string, data: Record<string, string>): string {
  return JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data });
}

const apply = (manifest: string, ...args: string[]) => lane.kubectl(["apply", "-f", "-", ...args], manifest);

test("kubectl apply --server-side creates, changes, and tells of conflicts until it is forced", async () => {
  const created = await apply(configMap("c", { a: "1" }), "--server-side", "--field-manager=one");
  expect(created.stdout).toBe("configmap/c serverside-applied\n");

  const refused = await apply(configMap("c", { a: "2" }), "--server-side", "--field-manager=two");
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('error: Apply failed with 1 conflict: conflict with "one": .data.a');

  const forced = await apply(configMap("c", { a: "2" }), "--server-side", "--field-manager=two", "--force-conflicts");
  expect(forced.code).toBe(0);
  const value = await lane.kubectl(["-n", namespace, "get", "cm", "c", "-o", "jsonpath={.data.a}"]);
  expect(value.stdout).toBe("2");
});

test("kubectl apply goes on server-side with what it has applied client-side", async () => {
  await apply(configMap("m", { a: "1", b: "1" }));
  const moved = await apply(configMap("m", { a: "2" }), "--server-side");
  expect(moved.stderr).not.toContain("conflict");
  const { stdout } = await lane.kubectl(["-n", namespace, "get", "cm", "m", "-o", "json", "--show-managed-fields"]);
  const { data, metadata } = JSON.parse(stdout);
  expect(data).toEqual({ a: "2" });
  const managers = metadata.managedFields.map(({ manager }: { manager: string }) => manager);
  expect(managers).toContain("kubectl");
  expect(managers).not.toContain("kubectl-client-side-apply");
});

test("a server-side dry run and a diff store nothing", async () => {
  const { stdout } = await apply(configMap("d", { a: "1" }), "--server-side", "--dry-run=server");
  expect(stdout).toBe("configmap/d serverside-applied (server dry run)\n");
  const diff = await lane.kubectl(["diff", "--server-side", "-f", "-"], configMap("d", { a: "1" }));
  expect(diff.stdout).toContain('+  a: "1"');
  const found = await lane.kubectl(["-n", namespace, "get", "cm", "d", "--ignore-not-found", "-o", "name"]);
  expect(found.stdout).toBe("");
});
