import * as fc from "fast-check";
import { expect, it } from "vitest";
import { SortedKeys } from "./sorted-keys.ts";

function keysOf(sorted: SortedKeys<{ key: string }>, prefix = "", start = ""): string[] {
  const keys: string[] = [];
  sorted.visit(prefix, start, ({ key }) => keys.push(key));
  return keys;
}

it("is as a sorted array", () => {
  const key = fc.string({ maxLength: 3, unit: fc.constantFrom("a", "b", "/", "-") });
  const change = fc.record({ key, isDeletion: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), key, key, (changes, prefix, start) => {
      const sorted = new SortedKeys<{ key: string }>();
      const model = new Set<string>();
      for (const { key, isDeletion } of changes) {
        if (isDeletion) sorted.delete(key);
        else if (!model.has(key)) sorted.insert({ key });
        if (isDeletion) model.delete(key);
        else model.add(key);
      }
      const expected = [...model].sort();
      expect(keysOf(sorted)).toEqual(expected);
      const inRange = expected.filter((key) => key.startsWith(prefix) && key >= start);
      expect(keysOf(sorted, prefix, start)).toEqual(inRange);
      expect(sorted.size).toBe(expected.length);
    }),
  );
});

it.each([
  ["ascending", (index: number) => index],
  ["descending", (index: number) => 9999 - index],
  ["scattered", (index: number) => (index * 7919) % 10_000],
])("stays in order with many keys that come %s", (_, place) => {
  const keys = Array.from({ length: 10_000 }, (_, index) => String(place(index)).padStart(5, "0"));
  const sorted = new SortedKeys<{ key: string }>();
  for (const key of keys) sorted.insert({ key });
  const inside = keys.filter((key) => key.startsWith("04")).sort();
  expect(keysOf(sorted, "04")).toEqual(inside);
  expect(keysOf(sorted, "04", "0477")).toEqual(inside.filter((key) => key >= "0477"));
  for (const key of keys.slice(0, 5000)) sorted.delete(key);
  expect(keysOf(sorted)).toEqual(keys.slice(5000).sort());
  for (const key of keys.slice(5000)) sorted.delete(key);
  expect(keysOf(sorted)).toEqual([]);
});
