import type { KubeObject, OwnerReference } from "@podwright/kube";
import { expect, test } from "vitest";
import { blockingDependents, type GraphEffects, OwnerGraph } from "./graph.ts";

function object(uid: string, owners: string[] = [], metadata: Partial<KubeObject["metadata"]> = {}): KubeObject {
  const ownerReferences: OwnerReference[] = owners.map((owner) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    name: owner,
    uid: owner,
    blockOwnerDeletion: true,
  }));
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: uid, namespace: "ns", uid, ownerReferences, ...metadata },
  };
}

const examined = ({ examine }: GraphEffects) => [...new Set(examine.map(({ uid }) => uid))].sort();

test("an owner's end is a reason to look at its dependents", () => {
  const graph = new OwnerGraph();
  graph.observe(object("owner"));
  expect(examined(graph.observe(object("a", ["owner"])))).toEqual([]);
  expect(examined(graph.observe(object("b", ["owner"])))).toEqual([]);
  expect(examined(graph.remove("owner"))).toEqual(["a", "b"]);
});

test("so is an owner that has not been seen, until it is", () => {
  const graph = new OwnerGraph();
  expect(examined(graph.observe(object("a", ["owner"])))).toEqual(["a"]);
  expect(graph.get("owner")?.virtual).toBe(true);
  expect(examined(graph.observe(object("owner")))).toEqual([]);
  expect(graph.get("owner")?.virtual).toBe(false);
  expect(examined(graph.remove("owner"))).toEqual(["a"]);
});

test("an owner of another name or namespace than its dependent says is none", () => {
  const graph = new OwnerGraph();
  graph.observe(object("owner", [], { name: "renamed" }));
  expect(examined(graph.observe(object("a", ["owner"])))).toEqual(["a"]);
  graph.observe(object("elsewhere", [], { namespace: "other" }));
  const effects = graph.observe(object("b", ["elsewhere"]));
  expect(examined(effects)).toEqual(["b"]);
  expect(effects.misplaced).toHaveLength(1);
});

test("a deletion in the foreground looks at the dependents, and again when they go or let go", () => {
  const graph = new OwnerGraph();
  graph.observe(object("owner"));
  graph.observe(object("a", ["owner"]));
  graph.observe(object("b", ["owner"]));
  const deleting = { deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["foregroundDeletion"] };
  expect(examined(graph.observe(object("owner", [], deleting)))).toEqual(["a", "b", "owner"]);
  expect(examined(graph.observe(object("owner", [], deleting)))).toEqual([]);
  expect(examined(graph.remove("a"))).toEqual(["owner"]);
  expect(examined(graph.observe(object("b")))).toEqual(["owner"]);
  const owner = graph.get("owner");
  expect(owner && blockingDependents(owner)).toEqual([]);
});

test("a deletion that orphans is told once", () => {
  const graph = new OwnerGraph();
  graph.observe(object("owner"));
  const deleting = { deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["orphan"] };
  expect(graph.observe(object("owner", [], deleting)).orphan).toHaveLength(1);
  expect(graph.observe(object("owner", [], deleting)).orphan).toHaveLength(0);
});

test("what nobody refers to any more is forgotten", () => {
  const graph = new OwnerGraph();
  graph.observe(object("a", ["never seen"]));
  graph.remove("a");
  expect([graph.get("a"), graph.get("never seen")]).toEqual([undefined, undefined]);
});

test("dependents are let go also when that is asked for in the middle of a deletion", () => {
  const graph = new OwnerGraph();
  graph.observe(object("owner"));
  const deleting = { deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["example.com/hold"] };
  expect(graph.observe(object("owner", [], deleting)).orphan).toEqual([]);
  const orphaning = { ...deleting, finalizers: ["example.com/hold", "orphan"] };
  expect(graph.observe(object("owner", [], orphaning)).orphan.map(({ uid }) => uid)).toEqual(["owner"]);
  expect(graph.observe(object("owner", [], orphaning)).orphan).toEqual([]);
});
