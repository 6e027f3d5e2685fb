import { expect, it } from "vitest";
import { inOrderOfBody } from "./strict-errors.ts";

it("names what strict decoding found in the order of the body, an unknown field once", () => {
  const body = { a: { b: 1 }, x: 2, list: [{ c: 1 }, { y: { z: 1 } }], d: 1 };
  const found = inOrderOfBody(body, ["list[1].y", "x"], ["d", "x", "a.b"]);
  expect(found.map(({ type, path }) => `${type} ${path}`)).toEqual([
    "duplicate a.b",
    "unknown x",
    "unknown list[1].y",
    "duplicate d",
  ]);
});
