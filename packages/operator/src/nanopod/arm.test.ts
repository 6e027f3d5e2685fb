import { applyJsonPatch, type JsonObject, type KubeObject } from "@podwright/kube";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { armPod, requestedNanoPods } from "./arm.ts";
import { diffToJsonPatch } from "./json-patch.ts";
import type { NanoPod } from "./nanopod.ts";

function pod(labels: Record<string, string>, annotations?: Record<string, string>): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", labels, ...(annotations ? { annotations } : {}) },
    spec: { containers: [{ name: "mysql", image: "mysql:8", env: [{ name: "MYSQL_DATABASE", value: "mydb01" }] }] },
  };
}

function nanoPod(name: string, template: JsonObject, generation = 1): NanoPod {
  return {
    apiVersion: "nanopod.nanopod.treezh.cn/v1",
    kind: "NanoPod",
    metadata: { name, generation },
    spec: { template },
  };
}

const among =
  (...nanoPods: NanoPod[]) =>
  (name: string) =>
    nanoPods.find((candidate) => candidate.metadata.name === name);

describe("requestedNanoPods", () => {
  test("gives default, the label's, then the annotation's, each once", () => {
    expect(requestedNanoPods(pod({ "nano-pods": "a" }, { "nano-pods": "b, c\n a default,," }))).toEqual([
      "default",
      "a",
      "b",
      "c",
    ]);
  });

  test("gives none without the label, and default alone for an empty one", () => {
    expect(requestedNanoPods(pod({}, { "nano-pods": "b" }))).toEqual([]);
    expect(requestedNanoPods(pod({ "nano-pods": "" }))).toEqual(["default"]);
  });
});

describe("armPod", () => {
  const mysql = nanoPod(
    "my-nano-pod",
    {
      spec: {
        containers: [
          {
            name: "mysql",
            env: [
              { name: "MYSQL_ALLOW_EMPTY_PASSWORD", value: "true" },
              { name: "MYSQL_DATABASE", value: "mydb02" },
            ],
          },
        ],
      },
    },
    3,
  );

  test("merges as the README of NanoPod shows it, new elements first", () => {
    const given = pod({ "nano-pods": "my-nano-pod" });
    const copy = structuredClone(given);
    const { pod: armed } = armPod(given, among(mysql));
    expect(armed["spec"].containers).toEqual([
      {
        name: "mysql",
        image: "mysql:8",
        env: [
          { name: "MYSQL_ALLOW_EMPTY_PASSWORD", value: "true" },
          { name: "MYSQL_DATABASE", value: "mydb02" },
        ],
      },
    ]);
    expect(armed.metadata.annotations).toEqual({ "podwright.dev/armed-by": "my-nano-pod@3" });
    expect(given).toEqual(copy);
  });

  test("changes nothing the second time", () => {
    const once = armPod(pod({ "nano-pods": "my-nano-pod" }), among(mysql)).pod;
    expect(armPod(once, among(mysql)).pod).toEqual(once);
  });

  test("names the NanoPods that are missing, but not a missing default", () => {
    const result = armPod(pod({ "nano-pods": "gone" }), among());
    expect(result.missing).toEqual(["gone"]);
    expect(result.pod.metadata.annotations).toBeUndefined();
  });

  test("does not let a template rename the pod", () => {
    const template = { metadata: { name: "other", namespace: "other", creationTimestamp: null, labels: { a: "b" } } };
    const { pod: armed } = armPod(pod({ "nano-pods": "np" }), among(nanoPod("np", template)));
    expect(armed.metadata).toMatchObject({ name: "p", labels: { "nano-pods": "np", a: "b" } });
    expect(armed.metadata.namespace).toBeUndefined();
  });

  test("goes on without a NanoPod that cannot be merged", () => {
    const broken = nanoPod("broken", { spec: { containers: [{ image: "x" }] } });
    const result = armPod(pod({ "nano-pods": "broken" }, { "nano-pods": "my-nano-pod" }), among(broken, mysql));
    expect(result.failed).toEqual([{ name: "broken", message: expect.stringContaining("merge key") }]);
    expect(result.pod.metadata.annotations?.["podwright.dev/armed-by"]).toBe("my-nano-pod@3");
  });
});

test("the JSON patch of a difference gives the one object from the other", () => {
  const objects = fc.object({
    maxDepth: 4,
    withNullPrototype: false,
    values: [fc.string(), fc.integer(), fc.boolean()],
  });
  fc.assert(
    fc.property(objects, objects, (before, after) => {
      const [from, to] = [JSON.parse(JSON.stringify(before)), JSON.parse(JSON.stringify(after))];
      expect(applyJsonPatch(from, diffToJsonPatch(from, to) as never)).toEqual(to);
      expect(diffToJsonPatch(to, to)).toEqual([]);
    }),
  );
});
