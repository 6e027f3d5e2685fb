import fc from "fast-check";
import { expect, test } from "vitest";
import { copyJson } from "./copy-json.ts";

test("copies any JSON value, and shares nothing with it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const copy = copyJson(value);
      expect(copy).toEqual(structuredClone(value));
      if (typeof value === "object" && value !== null) expect(copy).not.toBe(value);
    }),
  );
});

test("copies deeply", () => {
  const value = { list: [{ a: 1 }], map: { b: [2n] } };
  const copy = copyJson(value);
  expect(copy).toEqual(value);
  expect(copy.list[0]).not.toBe(value.list[0]);
  expect(copy.map.b).not.toBe(value.map.b);
});

test("a key named __proto__ stays a key", () => {
  const value = JSON.parse('{"__proto__": {"a": {"b": 1}}}');
  const copy = copyJson(value);
  expect(Object.keys(copy)).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
});
