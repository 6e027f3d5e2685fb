import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cloneJson } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import type { PatchField, PatchSchema } from "../patch-schema.ts";
import { nativeTypes } from "../types/table.ts";
import { PatchError } from "./patch-error.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

interface Case {
  kind: "Pod" | "Deployment" | "Service";
  original: JsonObject;
  patch: JsonObject;
  result?: JsonObject;
  error?: string;
}

/** What conformance/strategicmerge, which is upstream's own code, made of random objects and patches. */
const cases = readFileSync(new URL("./testdata/strategic-merge.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Case);

const structs = {
  Pod: "io.k8s.api.core.v1.Pod",
  Service: "io.k8s.api.core.v1.Service",
  Deployment: "io.k8s.api.apps.v1.Deployment",
};

describe("strategic merge of random objects", () => {
  it.each(cases.map((each, index) => ({ ...each, index })))("$index: $kind is what upstream makes of it", (each) => {
    const before = cloneJson({ original: each.original, patch: each.patch });
    const apply = () =>
      applyStrategicMergePatch(each.original, each.patch, nativeTypes().patchSchema(structs[each.kind]));
    // Which of several errors comes first is a matter of Go's map order.
    if (each.error !== undefined) expect(apply).toThrow(PatchError);
    else expect(apply()).toEqual(each.result ?? {});
    expect({ original: each.original, patch: each.patch }).toEqual(before);
  });
});

const element: PatchSchema = schemaOf({
  ports: { strategies: ["merge"], mergeKey: "containerPort", element: schemaOf({}) },
});
const spec = schemaOf({
  env: { strategies: ["merge"], mergeKey: "name", element: schemaOf({}) },
  containers: { strategies: ["merge"], mergeKey: "name", element },
  volumes: { strategies: ["merge", "retainKeys"], mergeKey: "name", element: schemaOf({}) },
  finalizers: { strategies: ["merge"] },
  args: { strategies: [] },
  strategy: {
    strategies: ["retainKeys"],
    element: schemaOf({ rollingUpdate: { strategies: [], element: schemaOf({}) } }),
  },
  whole: { strategies: ["replace"], element: schemaOf({}) },
});

function schemaOf(fields: Record<string, PatchField>): PatchSchema {
  return { field: (name) => fields[name] };
}

function apply(original: JsonObject, patch: JsonObject): JsonValue {
  return applyStrategicMergePatch(original, patch, spec);
}

const named = (...names: string[]): JsonObject[] => names.map((name) => ({ name }));

describe("strategic merge patches", () => {
  it("put new elements before those the patch changes, in the patch's order", () => {
    const env = [{ name: "MYSQL_DATABASE", value: "mydb01" }];
    const patch = [
      { name: "ALLOW_EMPTY", value: "1" },
      { name: "MYSQL_DATABASE", value: "mydb02" },
    ];
    expect(apply({ env }, { env: patch })).toEqual({ env: patch });
  });

  it("merge elements by their key and keep those the patch does not name in their place", () => {
    expect(apply({ env: named("a", "b", "c") }, { env: [{ name: "b", value: "1" }, { name: "d" }] })).toEqual({
      env: [{ name: "a" }, { name: "b", value: "1" }, { name: "d" }, { name: "c" }],
    });
  });

  it("delete and replace by $patch", () => {
    const original = { env: named("a", "b"), whole: { a: 1 }, strategy: { type: "x", rollingUpdate: { a: 1 } } };
    expect(apply(original, { env: [{ name: "a", $patch: "delete" }] })).toMatchObject({ env: named("b") });
    expect(apply(original, { env: [{ $patch: "replace" }, { name: "c" }] })).toMatchObject({ env: named("c") });
    expect(apply(original, { strategy: { rollingUpdate: { $patch: "replace", b: 2 } } })).toMatchObject({
      strategy: { type: "x", rollingUpdate: { b: 2 } },
    });
    expect(apply(original, { strategy: { $patch: "delete" } })).toMatchObject({ strategy: {} });
    expect(apply(original, { whole: { b: 2 } })).toMatchObject({ whole: { b: 2 } });
    expect(apply(original, { $patch: "replace", args: [] })).toEqual({ args: [] });
  });

  it("remove fields that are null, and discard nulls for fields that are not there", () => {
    expect(apply({ a: 1, b: { c: 1, d: 2 } }, { a: null, b: { c: null }, e: { f: null, g: 1 } })).toEqual({
      b: { d: 2 },
      e: { g: 1 },
    });
  });

  it("keep only what $retainKeys names", () => {
    const original = { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } };
    const patch = { strategy: { $retainKeys: ["type"], type: "Recreate" } };
    expect(apply(original, patch)).toEqual({ strategy: { type: "Recreate" } });
    expect(
      apply(
        { volumes: [{ name: "v", emptyDir: {} }] },
        { volumes: [{ name: "v", secret: {}, $retainKeys: ["name", "secret"] }] },
      ),
    ).toEqual({
      volumes: [{ name: "v", secret: {} }],
    });
    expect(() => apply(original, { strategy: { $retainKeys: ["other"], type: "Recreate" } })).toThrow(
      new PatchError(400, "invalid patch format of retainKeys"),
    );
  });

  it("treat lists of scalars as sets, and take out of them", () => {
    expect(apply({ finalizers: ["a", "b"] }, { finalizers: ["c", "b"] })).toEqual({ finalizers: ["c", "a", "b"] });
    expect(apply({ finalizers: ["a", "b", "c"] }, { "$deleteFromPrimitiveList/finalizers": ["b", "x"] })).toEqual({
      finalizers: ["a", "c"],
    });
    expect(apply({ args: ["a", "b"] }, { args: ["c"] })).toEqual({ args: ["c"] });
    expect(() => apply({}, { "$deleteFromPrimitiveList-x": [] })).toThrow("invalid patch format of primitive list");
  });

  it("order elements by $setElementOrder, and those only the server has between them", () => {
    const order = { "$setElementOrder/env": named("c", "a") };
    expect(apply({ env: named("a", "b", "c") }, { ...order })).toEqual({ env: named("b", "c", "a") });
    expect(() => apply({ env: named("a") }, { "$setElementOrder/env": named("b", "a"), env: named("a", "b") })).toThrow(
      "The order in patch list",
    );
    expect(() => apply({}, { $setElementOrder: [] })).toThrow("invalid patch format of setElementOrder list");
  });

  it("put a new element where a deleted one was, next to what a webhook injected", () => {
    // kubectl apply: c goes, d comes, s is not of the manifest.
    const patch = {
      "$setElementOrder/containers": named("a", "d"),
      containers: [{ name: "d" }, { name: "c", $patch: "delete" }],
    };
    expect(apply({ containers: named("a", "c", "s") }, patch)).toEqual({ containers: named("a", "s", "d") });
  });

  it("merge lists below elements", () => {
    const original = { containers: [{ name: "a", ports: [{ containerPort: 80 }] }] };
    const patch = { containers: [{ name: "a", ports: [{ containerPort: 81 }, { containerPort: 80, name: "web" }] }] };
    expect(apply(original, patch)).toEqual(patch);
  });

  it("say what is wrong with them", () => {
    expect(() => apply({ env: named("a") }, { env: [{ value: "1" }] })).toThrow(
      new PatchError(500, "map: map[value:1] does not contain declared merge key: name"),
    );
    expect(() => apply({ env: named("a") }, { env: [{ name: "a", $patch: "merge" }] })).toThrow(
      "merging lists cannot yet be specified in the patch",
    );
    expect(() => apply({ strategy: {} }, { strategy: { $patch: "other" } })).toThrow(
      "unknown patch type: other in map: map[$patch:other]",
    );
    expect(() => apply({ finalizers: [["a"]] }, { finalizers: [["b"]] })).toThrow(
      new PatchError(422, "lists of lists are not supported"),
    );
    expect(() => apply({ finalizers: ["a"] }, { finalizers: [1] })).toThrow(
      "list element types are not identical: [[a] [1]]",
    );
  });
});
