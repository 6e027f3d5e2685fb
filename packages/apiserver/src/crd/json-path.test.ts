import type { JsonValue } from "@podwright/kube";
import { describe, expect, it } from "vitest";
import { compileJsonPath } from "./json-path.ts";

const object: JsonValue = {
  metadata: { name: "x", annotations: { "example.com/key": "v" } },
  spec: {
    replicas: 3,
    nothing: null,
    containers: [
      { name: "a", image: "i1", cpu: 1 },
      { name: "b", image: "i2", cpu: 2 },
      { name: "c", cpu: 3 },
    ],
  },
  status: {
    conditions: [
      { type: "Synced", status: "False" },
      { type: "Ready", status: "True", reason: "Fine (really)" },
    ],
  },
};

describe("a JSON path", () => {
  const cases: [string, JsonValue[]][] = [
    [".spec.replicas", [3]],
    ["spec.replicas", [3]],
    ["$.spec.replicas", [3]],
    [".spec.nothing", [null]],
    [".spec.missing.field", []],
    [".metadata.annotations['example.com/key']", ["v"]],
    [".metadata.annotations.example\\.com/key", ["v"]],
    [".spec.containers[0].name", ["a"]],
    [".spec.containers[-1].name", ["c"]],
    [".spec.containers[7].name", []],
    [".spec.containers[*].image", ["i1", "i2"]],
    [".spec.containers[0,2].name", ["a", "c"]],
    [".spec.containers[0:2].name", ["a", "b"]],
    [".spec.containers[1:].name", ["b", "c"]],
    [".spec.containers[:-1].name", ["a", "b"]],
    [".spec.containers[::2].name", ["a", "c"]],
    ['.status.conditions[?(@.type=="Ready")].status', ["True"]],
    [".status.conditions[?(@.type == 'Ready')].reason", ["Fine (really)"]],
    [".status.conditions[?(@.type!='Ready')].type", ["Synced"]],
    [".status.conditions[?(@.reason)].type", ["Ready"]],
    [".spec.containers[?(@.cpu>1)].name", ["b", "c"]],
    [".spec.containers[?(@.cpu<=2)].name", ["a", "b"]],
    ["..image", ["i1", "i2"]],
    [".metadata['name','missing']", ["x"]],
  ];
  it.each(cases)("%s", (path, values) => {
    expect(compileJsonPath(path)(object)).toEqual(values);
  });

  it.each([".spec.[", ".a[?(@.b]", ".a[x]", ".a b", ".a[?(@.b==1)"])("that is wrong is refused: %s", (path) => {
    expect(() => compileJsonPath(path)).toThrow(path);
  });
});
