import { describe, expect, it } from "vitest";
import type { JsonObject } from "../object.ts";
import { deducedApplySchema } from "./apply-schema.ts";
import { applyUpdate } from "./apply-update.ts";
import { excludeFields } from "./field-filter.ts";
import { FieldSet } from "./field-set.ts";
import type { ApplyConflict, ManagedSet, Managers } from "./managers.ts";
import { nativeApplySchema } from "./native-schema.ts";
import { recordUpdate } from "./record-update.ts";
import { structuralApplySchema } from "./structural-schema.ts";

const deployment = nativeApplySchema("io.k8s.api.apps.v1.Deployment");
const base = { version: "apps/v1", schemaOf: () => deployment, convert: () => undefined };

function owned(apiVersion: string, applied: boolean, ...paths: string[]): ManagedSet {
  return { set: FieldSet.ofPaths(...paths), apiVersion, applied };
}

function shown(managers: Managers): Record<string, string[]> {
  return Object.fromEntries([...managers].map(([name, { set }]) => [name, set.toString().split("\n")]));
}

const live: JsonObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", labels: { app: "web" } },
  spec: { replicas: 1, template: { spec: { containers: [{ name: "web", image: "a" }] } } },
};

describe("Recording an update", () => {
  it("gives a creator all that a new object of its kind has not", () => {
    const spec = { selector: null, template: { metadata: {}, spec: { containers: null } }, strategy: {} };
    const empty = { apiVersion: "apps/v1", kind: "Deployment", metadata: {}, spec, status: {} };
    const managers = recordUpdate({ ...base, live: empty, next: live, managers: new Map(), manager: "kubectl" });
    expect(managers.get("kubectl")?.set.toJson()).toEqual({
      "f:metadata": { "f:labels": { ".": {}, "f:app": {} }, "f:name": {} },
      "f:spec": {
        "f:replicas": {},
        "f:template": {
          "f:spec": { "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:image": {}, "f:name": {} } } },
        },
      },
    });
  });

  it("gives what changed to the writer and takes it from others, and what is gone from all", () => {
    const managers = new Map([
      ["a", owned("apps/v1", true, "spec.replicas", "metadata.labels.app")],
      ["b", owned("apps/v1", false, "metadata.name")],
      ["c", owned("apps/v1", false, "spec.replicas")],
    ]);
    const next = { ...live, metadata: { name: "web" }, spec: { ...(live["spec"] as JsonObject), replicas: 2 } };
    const after = recordUpdate({ ...base, live, next, managers, manager: "c" });
    expect(shown(after)).toEqual({ b: [".metadata.name"], c: [".spec.replicas"] });
    expect(after.get("b")).toBe(managers.get("b"));
    expect(after.get("c")).toBe(managers.get("c"));
  });

  it("keeps the map when nothing changed", () => {
    const managers = new Map([["a", owned("apps/v1", true, "spec.replicas")]]);
    expect(recordUpdate({ ...base, live, next: structuredClone(live), managers, manager: "b" })).toBe(managers);
  });

  it("gives ignored fields to nobody", () => {
    const next = { ...live, status: { replicas: 1 }, spec: { ...(live["spec"] as JsonObject), paused: true } };
    const ignore = () => excludeFields(FieldSet.ofPaths("status"));
    const managers = recordUpdate({ ...base, live, next, managers: new Map(), manager: "a", ignore });
    expect(shown(managers)).toEqual({ a: [".spec.paused"] });
  });

  it("forgets who owns fields in versions that are not served, and owns changed types as they are now", () => {
    const schema = structuralApplySchema({
      type: "object",
      properties: {
        spec: {
          type: "object",
          "x-kubernetes-map-type": "atomic",
          properties: { a: { type: "string" }, b: { type: "string" } },
        },
        list: { type: "array", items: { type: "string" } },
      },
    });
    const managers = new Map([
      ["gone", owned("example.com/v0", true, "spec")],
      ["here", { ...owned("example.com/v1", true, "spec.a", "spec.b"), applied: true }],
      ["list", { set: FieldSet.of([{ f: "list" }, { v: "x" }]), apiVersion: "example.com/v1", applied: false }],
    ]);
    const object = { apiVersion: "example.com/v1", kind: "Thing", spec: { a: "x" } };
    const after = recordUpdate({
      version: "example.com/v1",
      schemaOf: (version) => (version === "example.com/v1" ? schema : undefined),
      convert: () => undefined,
      live: object,
      next: object,
      managers,
      manager: "other",
    });
    expect(shown(after)).toEqual({ here: [".spec"], list: [".list"] });
  });
});

describe("Applying", () => {
  const config = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec: { replicas: 3 } };

  it("says who owns what was applied with other values", () => {
    const managers = new Map([
      ["z", owned("apps/v1", false, "spec.replicas")],
      ["b", owned("apps/v1", true, "spec.replicas", "metadata.name")],
    ]);
    const apply = { ...base, live, config, managers, manager: "me" };
    expect(() => applyUpdate({ ...apply, force: false })).toThrow(
      'conflicts with "b":\n- .spec.replicas\nconflicts with "z":\n- .spec.replicas',
    );
    try {
      applyUpdate({ ...apply, force: false, managers: new Map([...managers].slice(0, 1)) });
    } catch (error) {
      expect((error as ApplyConflict).message).toBe('conflict with "z": .spec.replicas');
      expect((error as ApplyConflict).conflicts).toEqual([{ manager: "z", path: [{ f: "spec" }, { f: "replicas" }] }]);
    }
    const { object, managers: after } = applyUpdate({ ...apply, force: true });
    expect(object?.["spec"]).toMatchObject({ replicas: 3 });
    expect(shown(after)["b"]).toEqual([".metadata.name"]);
    expect(after.has("z")).toBe(false);
    expect(live["spec"]).toMatchObject({ replicas: 1 });
  });

  it("removes what it does not apply any more, unless another owns it", () => {
    const before = new Map([
      ["me", owned("apps/v1", true, "spec.replicas", "metadata.labels.app")],
      ["creator", owned("apps/v1", false, "metadata.labels", "spec.template.spec.containers")],
    ]);
    const next = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" } };
    const alone = applyUpdate({ ...base, live, config: next, managers: before, manager: "me", force: false });
    expect(alone.object?.["spec"]).not.toHaveProperty("replicas");
    expect(alone.object?.["spec"]).toHaveProperty("template");
    const shared = new Map([...before, ["other", owned("apps/v1", false, "spec.replicas")]]);
    const kept = applyUpdate({ ...base, live, config: next, managers: shared, manager: "me", force: false });
    expect(kept.object?.["spec"]).toHaveProperty("replicas", 1);
    expect(kept.object?.["metadata"]).toEqual({ name: "web", labels: null });
  });

  it("gives no object when the live one stays as it is", () => {
    const same = { apiVersion: "apps/v1", kind: "Deployment", spec: { replicas: 1 } };
    const { object, managers } = applyUpdate({
      ...base,
      live,
      config: same,
      managers: new Map(),
      manager: "me",
      force: false,
    });
    expect(object).toBeUndefined();
    const again = applyUpdate({ ...base, live, config: same, managers, manager: "me", force: false });
    expect(again.managers.get("me")).toBe(managers.get("me"));
  });

  it("merges objects of no known type by field, lists as one value", () => {
    const deduced = { version: "v1", schemaOf: deducedApplySchema, convert: () => undefined };
    const { object } = applyUpdate({
      ...deduced,
      live: { a: { b: 1, c: [1, 2] } },
      config: { a: { c: [3] } },
      managers: new Map(),
      manager: "me",
      force: false,
    });
    expect(object).toEqual({ a: { b: 1, c: [3] } });
  });
});
