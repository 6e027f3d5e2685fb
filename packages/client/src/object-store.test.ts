import type { KubeObject } from "@podwright/kube";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ObjectStore, objectKey, splitKey } from "./object-store.ts";

test("keys are namespace/name or name, and come apart again", () => {
  const object = (metadata: KubeObject["metadata"]): KubeObject => ({ apiVersion: "v1", kind: "X", metadata });
  expect(objectKey(object({ name: "a", namespace: "n" }))).toBe("n/a");
  expect(objectKey(object({ name: "a" }))).toBe("a");
  expect(splitKey("n/a")).toEqual({ namespace: "n", name: "a" });
  expect(splitKey("a")).toEqual({ namespace: undefined, name: "a" });
});

test("whatever comes and goes, indexes find just what is there", () => {
  type Item = KubeObject & { tags: string[] };
  const tags = fc.uniqueArray(fc.constantFrom("x", "y", "z"));
  const step = fc.record({ name: fc.constantFrom("a", "b", "c", "d"), tags: fc.option(tags) });
  fc.assert(
    fc.property(fc.array(step), fc.nat(), (steps, lateAt) => {
      const store = new ObjectStore<Item>();
      const model = new Map<string, Item>();
      store.addIndex("tag", (item) => item.tags);
      steps.forEach(({ name, tags }, i) => {
        if (i === lateAt) store.addIndex("late", (item) => item.tags);
        if (tags === null) {
          expect(store.delete(name)).toBe(model.get(name));
          model.delete(name);
        } else {
          const item: Item = { apiVersion: "v1", kind: "X", metadata: { name }, tags };
          expect(store.set(name, item)).toBe(model.get(name));
          model.set(name, item);
        }
      });
      if (lateAt >= steps.length) store.addIndex("late", (item) => item.tags);
      expect(store.size).toBe(model.size);
      for (const tag of ["x", "y", "z"]) {
        const wanted = new Set([...model.values()].filter((item) => item.tags.includes(tag)));
        for (const index of ["tag", "late"]) expect(new Set(store.by(index, tag))).toEqual(wanted);
      }
    }),
  );
});

test("an index that is not there, or is another one, is refused", () => {
  const store = new ObjectStore();
  store.addIndex("a", () => []);
  expect(() => store.by("b", "x")).toThrow('there is no index "b"');
  expect(() => store.addIndex("a", () => ["x"])).toThrow('there is another index "a" already');
});
