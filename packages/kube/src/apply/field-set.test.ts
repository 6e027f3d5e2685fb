import { describe, expect, it } from "vitest";
import { includeFields } from "./field-filter.ts";
import { FieldSet } from "./field-set.ts";
import { nativeApplySchema } from "./native-schema.ts";
import { formatPath } from "./path-element.ts";
import { extractFields, removeFields } from "./remove-fields.ts";
import { ApplySchemaError } from "./schema-problems.ts";
import { validateApplied } from "./validate-applied.ts";

describe("FieldSet", () => {
  it("is the fieldsV1 object it was made of as long as nothing changes", () => {
    const fields = { "f:a": { ".": {}, "f:b": {} }, 'k:{"name":"x"}': {} };
    const set = FieldSet.fromStored(fields);
    expect(set.toJson()).toBe(fields);
    expect(set.union(FieldSet.ofPaths("a.b"))).toBe(set);
    expect(set.difference(FieldSet.ofPaths("c", "a.c"))).toBe(set);
    expect(set.intersection(set)).toBe(set);
    expect(set.recursiveDifference(FieldSet.empty)).toBe(set);
  });

  it("knows its members", () => {
    const set = FieldSet.of([{ f: "a" }, { k: { port: 80, name: "x" } }], [{ f: "a" }]);
    expect(set.has([{ f: "a" }, { k: { name: "x", port: 80 } }])).toBe(true);
    expect(set.has([{ f: "a" }])).toBe(true);
    expect(set.has([{ f: "b" }])).toBe(false);
    expect(set.has([])).toBe(false);
    expect(set.size()).toBe(2);
    expect(FieldSet.empty.isEmpty()).toBe(true);
    expect(FieldSet.parse({ ".": {} }).isEmpty()).toBe(true);
  });

  it("keeps what patterns include", () => {
    const set = FieldSet.parse({
      "f:spec": {
        "f:containers": { 'k:{"name":"a"}': { ".": {}, "f:image": {}, "f:resources": { ".": {}, "f:limits": {} } } },
        "f:nodeName": {},
      },
    });
    const include = includeFields(["spec", "containers", "*", "resources"]);
    expect(include(set).toJson()).toEqual({
      "f:spec": { "f:containers": { 'k:{"name":"a"}': { ".": {}, "f:resources": { ".": {}, "f:limits": {} } } } },
    });
    expect(includeFields(["status"])(set).isEmpty()).toBe(true);
  });
});

describe("Paths and fields", () => {
  it("are shown as upstream shows them", () => {
    expect(formatPath([{ f: "spec" }, { f: "ports" }, { k: { protocol: "TCP", port: 80 } }])).toBe(
      '.spec.ports[port=80,protocol="TCP"]',
    );
    expect(formatPath([{ f: "finalizers" }, { v: "x\n" }, { i: 3 }])).toBe('.finalizers[="x\\n"][3]');
  });

  it("can be taken out of a value, or alone", () => {
    const schema = nativeApplySchema("io.k8s.api.core.v1.Pod");
    const pod = {
      metadata: { labels: { a: "1", b: "2" } },
      spec: { containers: [{ name: "x", image: "i" }, { name: "y" }] },
    };
    const set = FieldSet.parse({
      "f:metadata": { "f:labels": { "f:a": {} } },
      "f:spec": { "f:containers": { 'k:{"name":"x"}': { "f:image": {} }, 'k:{"name":"y"}': {} } },
    });
    expect(removeFields(pod, schema, set)).toEqual({
      metadata: { labels: { b: "2" } },
      spec: { containers: [{ name: "x" }] },
    });
    expect(extractFields(pod, schema, set)).toMatchObject({ metadata: { labels: { a: "1" } } });
  });

  it("that a type has not are errors, with upstream's texts", () => {
    const schema = nativeApplySchema("io.k8s.api.core.v1.Service");
    const problem = (value: object): string => {
      try {
        validateApplied(value as never, schema);
        return "";
      } catch (error) {
        expect(error).toBeInstanceOf(ApplySchemaError);
        return (error as Error).message;
      }
    };
    expect(problem({ spec: { foo: 1 } })).toBe(".spec.foo: field not declared in schema");
    expect(problem({ spec: { clusterIP: 1 } })).toBe(
      ".spec.clusterIP: expected string, got &value.valueUnstructured{Value:1}",
    );
    expect(problem({ spec: { ports: [{ port: 80 }, { port: 80, protocol: "TCP" }] } })).toBe(
      '.spec.ports: duplicate entries for key [port=80,protocol="TCP"]',
    );
    expect(problem({ spec: { ports: {} }, metadata: [] })).toBe(
      "errors:\n  .spec.ports: expected list, got &{map[]}\n  .metadata: expected map, got &{[]}",
    );
    expect(problem({ spec: { ports: [{ port: "x" }] } })).toBe(
      '.spec.ports[port="x",protocol="TCP"].port: expected numeric (int or float), got string',
    );
  });
});
